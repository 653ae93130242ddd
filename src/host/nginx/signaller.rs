//! `nginx -s`: finding the master by its pid file and signalling it.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use rkeep_parsers::table::value::Level;

use crate::host::pidfile;
use crate::log::nginx::{Log, with_errno};
use crate::sys::process;

/// What `-s` may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// End now.
    Stop,
    /// End once the requests in flight have been answered.
    Quit,
    /// Open the logs anew.
    Reopen,
    /// Read the configuration anew.
    Reload,
}

impl Order {
    /// The order of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "stop" => Some(Order::Stop),
            "quit" => Some(Order::Quit),
            "reopen" => Some(Order::Reopen),
            "reload" => Some(Order::Reload),
            _ => None,
        }
    }

    fn signal(self) -> i32 {
        match self {
            Order::Stop => libc::SIGTERM,
            Order::Quit => libc::SIGQUIT,
            Order::Reopen => libc::SIGUSR1,
            Order::Reload => libc::SIGHUP,
        }
    }
}

/// Signals the master whose id is in `pid_file`.
pub fn run(order: Order, pid_file: &Path, log: &Log) -> ExitCode {
    log.write(Level::Notice, "signal process started");
    let shown = pid_file.display();
    let pid = match pidfile::read(pid_file) {
        Ok(pid) => pid,
        Err(error) => {
            let text = match error.kind() {
                io::ErrorKind::InvalidData => format!("invalid PID number \"{error}\" in \"{shown}\""),
                _ => with_errno(&format!("open() \"{shown}\" failed"), &error),
            };
            log.write(Level::Error, &text);
            return ExitCode::FAILURE;
        }
    };
    match process::signal(pid, order.signal()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.write(Level::Alert, &with_errno(&format!("kill({pid}, {}) failed", order.signal()), &error));
            ExitCode::FAILURE
        }
    }
}
