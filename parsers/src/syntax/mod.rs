//! Text to lossless trees: [`nginx`] and [`keepalived`] share the [`tree`].

pub mod include;
pub mod keepalived;
pub mod nginx;
pub mod pragma;
pub mod tree;
