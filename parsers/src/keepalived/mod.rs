//! keepalived's blocks: one file each, holding its rows.

pub mod address;
pub mod bfd;
pub mod checks;
pub mod complaints;
pub mod global;
pub mod groups;
pub mod hint;
pub mod hmac;
pub mod instance;
pub mod known;
pub mod manual;
pub mod number;
pub mod route;
pub mod speech;
pub mod tracking;
pub mod tuned;
pub mod tuning;
pub mod value;
pub mod virtual_server;

pub use crate::lower::keepalived::{
    AnyMachine, Loopback, Machine, Mode, Pass, Script as ScriptState, legacy_lines, load, test_code, worst,
};
pub use global::{Fifo, Global, GlobalDefs, SmtpServer};
