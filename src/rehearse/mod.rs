//! Whole clusters on one machine: boxes in namespaces on one switch, with clients, a mail sink and an ear on the wire.
//! `rkeep rehearse` and the compat tests are built on it. Needs no tool and, where user namespaces are allowed, no root.

mod acts;
mod bound;
mod cli;
pub mod clients;
pub mod cluster;
pub mod drill;
mod files;
pub mod http;
mod keep;
mod lan;
mod load;
mod node;
mod own;
mod owner;
mod pair;
mod program;
mod progress;
mod report;
mod sink;
mod site;
mod stage;
mod subject;
mod timeline;
pub mod tls;
pub mod watch;

pub use cli::{Arguments, main};
pub use cluster::{Cast, Cluster, Files, Server};
pub use files::{Furnishing, Placed};
pub use lan::{INTERFACE, Lan, mac};
pub use load::{Load, Outage};
pub use node::{Node, Task};
pub use program::{Ended, Process, Running, eventually};
pub use sink::{Mail, MailSink};
pub use subject::Subject;
pub use watch::{Event, Watch};
