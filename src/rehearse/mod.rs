//! Whole clusters on one machine: boxes in namespaces on one switch, with clients, a mail sink and an ear on the wire.
//! `rkeep rehearse` and the compat tests are built on it. Needs no tool and, where user namespaces are allowed, no root.

mod files;
mod lan;
mod node;
mod program;

pub use files::Placed;
pub use lan::{INTERFACE, Lan, mac};
pub use node::{Node, Task};
pub use program::{Ended, Process, Running, eventually};
