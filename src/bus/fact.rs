//! What is said on the bus: state, not events.

use std::net::SocketAddr;
use std::time::SystemTime;

use rkeep_parsers::ir::track::Kind;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something about something, since when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// About what.
    pub subject: Subject,
    /// How it is.
    pub verdict: Verdict,
    /// Why.
    pub cause: Cause,
    /// Since when.
    pub since: SystemTime,
    /// Grows with every fact of one hub.
    pub seq: u64,
}

/// What a fact is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Subject {
    /// A process of ours.
    Process(Role),
    /// A `vrrp_instance`.
    Router(String),
    /// A `vrrp_sync_group`.
    Group(String),
    /// Who is master of a `vrrp_instance`, as it is heard: the cause's text is his address.
    Owner(String),
    /// Somebody beside this box who is master of a `vrrp_instance` while it is: the cause's text says who and why.
    Rival(String),
    /// A lower master that a `vrrp_instance` has heard as master; the cause's value is its own priority.
    Lower(String),
    /// The priority of a `vrrp_instance`: the cause's value.
    Priority(String),
    /// An address of a virtual router on this box.
    Address(String),
    /// A `virtual_server`, as keepalived shows it.
    Service(String),
    /// A `real_server` of a `virtual_server`, both as keepalived shows them.
    RealServer {
        /// The virtual server.
        service: String,
        /// The real server.
        server: String,
        /// Its address, for those that balance.
        address: SocketAddr,
    },
    /// A listening socket of the proxy.
    Listener(String),
    /// A `vrrp_script`, `track_file` or `vrrp_track_process`; of a file, the cause's value is its number.
    Tracked(Tracked, String),
    /// Mails of a spool: up while they get out, down while they wait.
    Mail(String),
}

/// The kind of a tracked thing, as it travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tracked(pub Kind);

impl Serialize for Tracked {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.0 as u8)
    }
}

impl<'de> Deserialize<'de> for Tracked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u8::deserialize(deserializer)?;
        let kinds = [Kind::Interface, Kind::Script, Kind::File, Kind::Process, Kind::Bfd];
        let kind = kinds.into_iter().find(|kind| *kind as u8 == number);
        kind.map(Tracked).ok_or_else(|| serde::de::Error::custom("no kind of tracked thing"))
    }
}

/// How a subject is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// Works.
    Up,
    /// Does not.
    Down,
    /// A router that owns its addresses.
    Master,
    /// A router that waits.
    Backup,
    /// A router that cannot.
    Fault,
    /// Ended on purpose.
    Stopped,
    /// Gone from the configuration.
    Deleted,
}

/// Why a subject is as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cause {
    /// A stable word: `check`, `start`, `reload`, `timeout`, `link`, `higher-priority` … Those that others act on are
    /// in [`cause`](super::cause).
    pub kind: String,
    /// keepalived's words where a mail or a log line has some, such as `TCP CHECK failed on service`.
    pub text: String,
    /// A number that belongs to it: a router's priority, a check's weight.
    pub value: i64,
}

impl Cause {
    /// A cause of one word.
    pub fn kind(kind: &str) -> Self {
        Cause { kind: kind.to_owned(), ..Cause::default() }
    }
}

/// Our processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// nginx's master.
    Master,
    /// nginx's worker.
    Worker,
    /// keepalived's parent.
    Parent,
    /// The VRRP speaker.
    Vrrp,
    /// Checkers and virtual servers.
    Checkers,
    /// Scripts, mail, dumps.
    Agent,
}
