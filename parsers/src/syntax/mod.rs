//! Text to lossless trees: [`nginx`] and [`keepalived`] share the [`tree`].

pub mod tree;
