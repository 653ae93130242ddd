//! nginx's processes: a master that reads the configuration, opens its sockets and logs and heeds signals, and a worker
//! that serves.

mod account;
pub mod config;
pub mod files;
mod heartbeat;
pub mod layout;
mod master;
mod message;
mod orphan;
mod resources;
mod signaller;
mod sockets;
mod start;
mod successor;
mod watcher;
pub mod worker;

pub use config::reread;
pub use layout::{Layout, Paths};
pub use signaller::Order;
pub use start::main;

use std::ffi::OsString;

/// What a command line asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The command line, its first word as it was before the title took its place.
    pub called: Vec<OsString>,
    /// Where the files are.
    pub paths: Paths,
    /// `-g`
    pub globals: Option<String>,
    /// `-t`: only see whether it would start.
    pub test: bool,
    /// `-T`: and print the files.
    pub dump: bool,
    /// `-q`: and say nothing when it would.
    pub quiet: bool,
    /// `-s`: only signal the master that runs.
    pub order: Option<Order>,
}
