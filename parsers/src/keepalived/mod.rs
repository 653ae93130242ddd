//! keepalived's blocks: one file each, holding its rows.

pub mod global;

pub use global::{Fifo, Global, SmtpServer};
