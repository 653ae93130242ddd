//! Exact log lines of the originals.

pub mod dump;
pub mod keepalived;
pub mod nginx;
