//! keepalived's processes: a parent that reads the configuration, heeds signals and is the hub of facts; the VRRP
//! speaker; the checkers with the virtual servers; the agent that sends mail and runs scripts.

pub mod child;
mod children;
pub mod config;
mod desk;
mod dump;
mod message;
mod parent;
mod place;
mod predecessor;
mod proxies;
mod pulse;
mod script;
mod start;
mod urgency;

use std::ffi::OsString;
use std::path::PathBuf;

pub use config::node_name;
pub use start::main;

/// What a command line asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The command line.
    pub args: Vec<OsString>,
    /// `-f`
    pub pattern: PathBuf,
    /// The same as it was written: `-t` names the file so.
    pub written: PathBuf,
    /// `-P`
    pub vrrp_only: bool,
    /// `-C`
    pub check_only: bool,
    /// `--all`
    pub all: bool,
    /// `-l`
    pub console: bool,
    /// `-D`
    pub detail: bool,
    /// `-S`; none with `-G`.
    pub syslog: Option<u8>,
    /// `-u`
    pub umask: u32,
    /// `-V`
    pub keep_vips: bool,
    /// `-I`
    pub keep_services: bool,
    /// Not `-R`.
    pub respawn: bool,
    /// Not `-n`.
    pub fork: bool,
    /// `-d`
    pub dump: bool,
    /// `-p`
    pub pid: PathBuf,
    /// `-r`
    pub vrrp_pid: PathBuf,
    /// `-c`
    pub checkers_pid: PathBuf,
    /// `-i`
    pub config_id: String,
    /// `-t`
    pub test: Option<Test>,
    /// `--ignore-sigint`
    pub ignore_sigint: bool,
    /// Not `--no-follow-service`.
    pub follow_service: bool,
    /// `--take-over`, an option of rkeep's own: the keepalived whose place this one takes.
    pub take_over: Option<String>,
    /// `-s`
    pub namespace: Option<String>,
    /// Options that keepalived knows and rkeep has not built.
    pub unbuilt: Vec<&'static str>,
}

/// Where the findings of a test go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// To standard error.
    Stderr,
    /// To a file.
    File(PathBuf),
}
