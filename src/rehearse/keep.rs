//! A cluster that is left standing, for people to look around in: `--keep` and `--end`.

use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{Uid, getuid};

use super::stage::Stage;
use crate::sys::namespace;

/// How often the clients' log is written on.
const WRITE: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };
/// How long `--end` waits for the end.
const ENDING: Duration = Duration::from_secs(30);

/// The place where a kept cluster waits for its end. Taken before anything is built, by one rehearsal of a user at a time.
#[derive(Debug)]
pub struct Door(UnixListener);

impl Door {
    /// Opens it.
    ///
    /// # Errors
    /// Another cluster is kept.
    pub fn open(user: Uid) -> io::Result<Door> {
        let listener = UnixListener::bind_addr(&address(user)?).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                io::Error::other("another cluster is kept already; `rkeep rehearse --end` ends it")
            }
            _ => error,
        })?;
        listener.set_nonblocking(true)?;
        Ok(Door(listener))
    }

    /// Whether somebody who may has asked for the end.
    fn is_knocked(&self) -> Option<UnixStream> {
        let (stream, _) = self.0.accept().ok()?;
        let peer = socket_peercred(&stream).ok()?;
        (peer.uid == getuid() || peer.uid.is_root()).then_some(stream)
    }
}

/// Ends the cluster that this user keeps, and waits until it is gone.
///
/// # Errors
/// There is none.
pub fn end() -> io::Result<()> {
    let mut stream = UnixStream::connect_addr(&address(getuid())?)
        .map_err(|error| io::Error::new(error.kind(), "no cluster is kept"))?;
    stream.set_read_timeout(Some(ENDING))?;
    // Nothing is ever sent: this is the other side's end.
    stream.read(&mut [0]).map(drop)
}

/// A name that is no file, in this machine's network.
fn address(user: Uid) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("rkeep-rehearse-{}", user.as_raw()))
}

/// Keeps it until Enter, Ctrl-C or [`end`]. Clients go on asking; their log is written on all the time.
///
/// # Errors
/// The log cannot be written.
pub fn keep(stage: &mut Stage, door: &Door) -> io::Result<Option<UnixStream>> {
    stage.start_clients()?;
    let directory = stage.keep_logs()?;
    eprintln!("rkeep rehearse: the cluster stands. To enter a box:");
    for (node, what) in stage.site.boxes() {
        eprintln!("  {:<8} {what:<28} {}", node.name(), enter(node.init().as_raw_pid()));
    }
    eprintln!(
        "logs are in {} (client.log goes on)\nEnter, Ctrl-C or `rkeep rehearse --end` ends it",
        directory.display()
    );
    let mut log = OpenOptions::new().write(true).create(true).truncate(true).open(directory.join("client.log"))?;
    let mut written = 0;
    loop {
        let (text, next) = stage.client_log(written);
        log.write_all(text.as_bytes())?;
        written = next;
        if let Some(stream) = door.is_knocked() {
            return Ok(Some(stream));
        }
        if wait(door)? {
            return Ok(None);
        }
    }
}

/// Waits for a while. Says whether Enter was pressed.
fn wait(door: &Door) -> io::Result<bool> {
    let stdin = io::stdin();
    let mut watched = vec![PollFd::new(&door.0, PollFlags::IN)];
    // What is no terminal is at its end and says nothing.
    if stdin.is_terminal() {
        watched.push(PollFd::new(&stdin, PollFlags::IN));
    }
    match poll(&mut watched, Some(&WRITE)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(watched.get(1).is_some_and(|stdin| !stdin.revents().is_empty()))
}

/// A shell command that enters the box of a process, for whoever runs this.
fn enter(init: i32) -> String {
    let user = if namespace::is_first() { "" } else { "-U --preserve-credentials " };
    format!("nsenter -t {init} {user}-m -u -i -n -p sh")
}
