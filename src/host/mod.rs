//! Processes, signals, sockets: everything around the engines.

pub mod bundle;
pub mod daemon;
pub mod keepalived;
pub mod meet;
pub mod nginx;
pub mod notify;
pub mod pidfile;
pub mod spawn;

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
