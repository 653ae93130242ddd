//! What master and worker tell each other. Descriptors that belong to a message go before it, in order, in as many
//! [`ToWorker::Fds`] as they need.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rkeep_parsers::ir::http::Address;
use rustix::event::{PollFd, PollFlags, Timespec};
use serde::{Deserialize, Serialize};

use super::sockets::shown;
use crate::bus::wire::{Link, MOST_FDS};

/// How long a worker may take to read.
const PATIENCE: Duration = Duration::from_secs(5);

/// From the master.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToWorker {
    /// Descriptors for the message that follows.
    Fds,
    /// Take up a configuration. Descriptors: the bundle, the [`Manifest`], then those that the manifest names.
    Apply,
    /// Use these logs from now on. Descriptors: the list of paths, then the files.
    Reopen,
    /// Where a master asks that starts after this one's death. Descriptor: the place.
    Home,
    /// Somebody wants to know whether the proxy serves. Descriptor: the link to him.
    Watched,
    /// Somebody wants to know how the upstreams stand. Descriptor: the link to him.
    Report,
    /// End once the requests in flight have been answered.
    Quit,
    /// End now.
    Terminate,
}

/// From a worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromWorker {
    /// The configuration of this generation is in use.
    Applied(u64),
    /// It cannot be used, and why; the old one stays.
    Refused(u64, String),
    /// Nothing uses this generation any more.
    Drained(u64),
}

/// What a configuration consists of besides the bytes it was read from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Grows with every configuration of a master.
    pub generation: u64,
    /// The prefix.
    pub prefix: PathBuf,
    /// The file.
    pub conf: PathBuf,
    /// `-e`; none for standard error.
    pub error_log: Option<PathBuf>,
    /// Whether Debian's paths hold where the file names none.
    pub debian: bool,
    /// `-g`
    pub globals: Option<String>,
    /// Whether the master is root.
    pub privileged: bool,
    /// Listening sockets, in the order of their descriptors: the address, and the thread that has it for itself.
    pub sockets: Vec<(String, Option<usize>)>,
    /// Logs, in the order of their descriptors.
    pub logs: Vec<PathBuf>,
}

/// An address as [`Manifest::sockets`] has it.
pub fn address_text(address: &Address) -> String {
    shown(address)
}

/// Reads an address of [`Manifest::sockets`].
pub fn address(text: &str) -> Option<Address> {
    match text.strip_prefix("unix:") {
        Some(path) => Some(Address::Unix(path.into())),
        None => text.parse().ok().map(Address::Inet),
    }
}

/// Sends a message with any number of descriptors.
///
/// # Errors
/// When the worker has gone or does not read.
pub fn send(link: &Link, message: &ToWorker, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    for chunk in fds.chunks(MOST_FDS) {
        send_one(link, &ToWorker::Fds, chunk, deadline)?;
    }
    send_one(link, message, &[], deadline)
}

fn send_one(link: &Link, message: &ToWorker, fds: &[BorrowedFd<'_>], deadline: Instant) -> io::Result<()> {
    loop {
        match link.send(message, fds) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_writable(link, deadline)?,
            done => return done,
        }
    }
}

fn wait_writable(link: &Link, deadline: Instant) -> io::Result<()> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let left = Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) };
    match rustix::event::poll(&mut [PollFd::new(&link.as_fd(), PollFlags::OUT)], Some(&left)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Puts messages and their descriptors together again.
#[derive(Debug, Default)]
pub struct Inbox {
    fds: Vec<OwnedFd>,
}

impl Inbox {
    /// The next whole message; none when the master has gone.
    ///
    /// # Errors
    /// `WouldBlock` when nothing waits.
    pub fn next(&mut self, link: &Link) -> io::Result<Option<(ToWorker, Vec<OwnedFd>)>> {
        loop {
            match link.receive::<ToWorker>()? {
                None => return Ok(None),
                Some((ToWorker::Fds, fds)) => self.fds.extend(fds),
                Some((message, _)) => return Ok(Some((message, std::mem::take(&mut self.fds)))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_descriptors_arrives_in_order() {
        let (here, there) = Link::pair().unwrap();
        let files: Vec<OwnedFd> =
            (0..300).map(|number| crate::host::bundle::seal(format!("{number}").as_bytes()).unwrap()).collect();
        let fds: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
        send(&here, &ToWorker::Apply, &fds).unwrap();
        let (message, got) = Inbox::default().next(&there).unwrap().unwrap();
        assert!(matches!(message, ToWorker::Apply));
        let texts: Vec<_> = got.into_iter().map(|fd| crate::host::bundle::unseal(fd).unwrap()).collect();
        assert_eq!(texts.len(), 300);
        assert_eq!(texts.last().unwrap(), b"299");
    }

    #[test]
    fn addresses_survive_as_text() {
        for text in ["0.0.0.0:80", "[::1]:8080", "unix:/run/x y.sock"] {
            assert_eq!(address_text(&address(text).unwrap()), text);
        }
        assert_eq!(address("nonsense"), None);
    }
}
