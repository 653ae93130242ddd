//! Exact log lines of the originals.

pub mod keepalived;
pub mod nginx;
