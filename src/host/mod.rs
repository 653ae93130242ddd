//! Processes, signals, sockets: everything around the engines.

pub mod bundle;
pub mod control;
pub mod daemon;
pub mod guests;
pub mod keepalived;
pub mod meet;
pub mod nginx;
pub mod notify;
pub mod patience;
pub mod pidfile;
pub mod report;
pub mod spawn;
pub mod supervisor;

use std::io;
use std::process::ExitCode;

use crate::bus::Role;
use crate::bus::wire::Link;

/// Runs the role that a parent of ours has started this process for.
pub fn run_role(started: io::Result<(Role, Link)>) -> ExitCode {
    match started {
        Ok((Role::Worker, link)) => nginx::worker::run(link),
        Ok((role @ (Role::Vrrp | Role::Checkers | Role::Agent), link)) => keepalived::child::run(role, link),
        _ => ExitCode::FAILURE,
    }
}
