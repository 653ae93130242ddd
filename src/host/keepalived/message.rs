//! What the parent and its children tell each other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::bus::{Fact, Role};
use crate::log::keepalived::Options as LogOptions;
use crate::plan::VrrpLegacy;

/// From the parent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ToChild {
    /// Begin. Descriptor: the bundle.
    Run(Settings),
    /// Take up a new configuration. Descriptor: the bundle.
    Reload,
    /// What another process of ours says.
    Fact(Fact),
    /// Write the data dump.
    Dump,
    /// Write the JSON dump.
    Json,
    /// Write the statistics.
    Stats {
        /// And begin them anew.
        clear: bool,
    },
    /// Another keepalived starts beside us, or has not come after all.
    Hold(bool),
    /// End gracefully.
    Stop,
}

/// From a child.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromChild {
    /// It runs.
    Ready,
    /// It has taken up the new configuration.
    Reloaded,
    /// It has something to say.
    Fact(Fact),
    /// The checkers: they turn, and connections to virtual servers are taken.
    Alive,
}

/// What a child needs to know besides the bytes of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// `-f`
    pub pattern: PathBuf,
    /// `-i`
    pub config_id: String,
    /// `-D`
    pub detail: bool,
    /// `-l`
    pub console: bool,
    /// `-S`; none with `-G`.
    pub syslog: Option<u8>,
    /// `-V`
    pub keep_vips: bool,
    /// Not `--no-follow-service`.
    pub follow_service: bool,
    /// What a VRRP process that died has left to this one.
    pub legacy: VrrpLegacy,
    /// What checkers that died have said.
    pub said: Vec<Fact>,
    /// Where the child writes its id.
    pub pid: Option<PathBuf>,
}

impl Settings {
    /// How a process of this role logs.
    pub fn log_options(&self, role: Role) -> LogOptions {
        let ident = match role {
            Role::Vrrp => "Keepalived_vrrp",
            Role::Checkers => "Keepalived_healthcheckers",
            Role::Agent => "Keepalived_agent",
            _ => "Keepalived",
        };
        LogOptions { ident: ident.to_owned(), detail: self.detail, console: self.console, syslog: self.syslog }
    }
}
