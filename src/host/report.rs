//! What the two masters and a worker say about themselves: what `rkeep status --json` shows.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::balance::Standing;
use crate::bus::Verdict;

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// What it does.
    pub role: String,
    /// Its id.
    pub pid: i32,
    /// For how long, in seconds.
    pub seconds: u64,
    /// It has been told to end.
    pub leaving: bool,
}

/// nginx's face.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nginx {
    /// rkeep's version.
    pub version: String,
    /// The master's id.
    pub pid: i32,
    /// The configuration file.
    pub conf: PathBuf,
    /// The number of the configuration in force.
    pub generation: u64,
    /// The processes it has started.
    pub processes: Vec<Process>,
    /// What it listens on.
    pub listeners: Vec<String>,
    /// What the worker says; none when it does not answer.
    pub worker: Option<Worker>,
}

/// nginx's worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its upstreams.
    pub upstreams: Vec<Upstream>,
    /// Open connections of clients.
    pub connections: u64,
    /// Requests since it started.
    pub requests: u64,
    /// Connections that were ended for being too many, too slow or too wasteful.
    #[serde(default)]
    pub floods: Vec<Flood>,
    /// The certificates of its servers.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
}

/// Connections that were ended for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flood {
    /// What there was too much of.
    pub of: String,
    /// How many.
    pub connections: u64,
}

/// A certificate that clients are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// Its file.
    pub file: String,
    /// Its names.
    pub names: Vec<String>,
    /// Whole days until the first of its chain ends; negative once it has.
    pub days: i64,
}

/// An `upstream`, or what a `proxy_pass` names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// Its servers.
    pub peers: Vec<Standing>,
}

/// keepalived's face.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keepalived {
    /// rkeep's version.
    pub version: String,
    /// The parent's id.
    pub pid: i32,
    /// The configuration file.
    pub conf: PathBuf,
    /// The number of the configuration in force.
    pub generation: u64,
    /// The processes it has started.
    pub processes: Vec<Process>,
    /// Its virtual routers.
    pub instances: Vec<Instance>,
    /// Its virtual servers.
    pub services: Vec<Service>,
    /// Mails that wait for the mail server.
    pub mails: usize,
}

/// A `vrrp_instance`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its interface.
    pub interface: String,
    /// `virtual_router_id`
    pub vrid: u8,
    /// What it is; none as long as it has not said so.
    pub state: Option<Verdict>,
    /// Its priority when it became so.
    pub priority: i64,
    /// For how long, in seconds.
    pub seconds: u64,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Who is master, as far as is known: `this box`, or the address of the one whose adverts are heard.
    pub owner: Option<String>,
    /// Who else is master at the same time, and why its adverts do not count.
    pub rival: Option<String>,
}

/// A `virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// As keepalived shows it.
    pub name: String,
    /// Up while it has its quorum.
    pub state: Option<Verdict>,
    /// Its real servers.
    pub servers: Vec<Server>,
}

/// A `real_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// As keepalived shows it.
    pub name: String,
    /// Up while its checks succeed.
    pub state: Option<Verdict>,
    /// Why, in keepalived's words.
    pub cause: String,
    /// For how long, in seconds.
    pub seconds: u64,
}
