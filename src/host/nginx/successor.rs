//! The master that takes this one's place (USR2): another program of the same path, started beside this one with its
//! listening sockets, which the `NGINX` variable names. nginx and rkeep hand over to each other by the same words.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::io::FdFlags;

use super::sockets::Listening;
use crate::sys::process;

/// The variable that names the descriptors of listening sockets.
pub const VARIABLE: &str = "NGINX";

/// Starts the successor and returns its id.
///
/// # Errors
/// Those of executing the program.
pub fn start(called: &[OsString], sockets: &[Listening]) -> io::Result<i32> {
    let Some((name, args)) = called.split_first() else { return Err(io::ErrorKind::InvalidInput.into()) };
    let mut command = Command::new(program(name, std::env::current_exe().ok().as_deref()));
    command.arg0(name).args(args).env(VARIABLE, variable(sockets));
    process::with_no_signal_blocked(&mut command);
    // Only the successor is started meanwhile: this process has one thread.
    mark(sockets, FdFlags::empty())?;
    let child = command.spawn();
    mark(sockets, FdFlags::CLOEXEC)?;
    Ok(child?.id() as i32)
}

/// The program that a command line's first word names: a path as it is, so that what has been put there since is
/// started; for a bare word (`rkeep nginx`) the file that this process was started from.
fn program(name: &OsStr, exe: Option<&Path>) -> PathBuf {
    let path = Path::new(name);
    match exe {
        Some(exe) if path.components().count() == 1 && !path.has_root() => {
            let exe = exe.to_string_lossy();
            exe.strip_suffix(" (deleted)").unwrap_or(&exe).into()
        }
        _ => path.to_owned(),
    }
}

/// `5;6;`
fn variable(sockets: &[Listening]) -> String {
    sockets.iter().map(|socket| format!("{};", socket.fd.as_raw_fd())).collect()
}

fn mark(sockets: &[Listening], flags: FdFlags) -> io::Result<()> {
    sockets.iter().try_for_each(|socket| Ok(rustix::io::fcntl_setfd(&*socket.fd, flags)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_successor_is_what_lies_at_the_path_now() {
        let exe = Some(Path::new("/opt/rkeep (deleted)"));
        assert_eq!(program(OsStr::new("/usr/sbin/nginx"), exe), Path::new("/usr/sbin/nginx"));
        assert_eq!(program(OsStr::new("sbin/nginx"), exe), Path::new("sbin/nginx"));
        assert_eq!(program(OsStr::new("nginx"), exe), Path::new("/opt/rkeep"));
    }
}
