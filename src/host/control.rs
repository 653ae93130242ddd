//! Orders to nginx's master and keepalived's parent, at their places under `/run/rkeep`, and their answers.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bundle;
use super::guests::Guests;
use super::meet;
use crate::bus::wire::Link;

/// Where nginx's masters are met; each has a place of its own.
pub const NGINX: &str = "nginx";
/// Where keepalived's parent is met.
pub const KEEPALIVED: &str = "keepalived";

/// What they can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Say how things are.
    Report,
    /// Show the configuration in force.
    Configuration,
    /// Take up what the files say now, and answer once it is in force.
    Reload,
    /// keepalived: another one starts beside you; keep the addresses set whatever it does.
    Hold,
    /// keepalived: it has not come after all.
    Release,
    /// keepalived: whoever says so takes your place, unless it goes before; connections under way go on to their own end.
    Yield,
    /// keepalived: it has come; end without a word, the addresses stay.
    Leave,
}

/// What they answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// How things are with it. Descriptor: one of [`report`](super::report), sealed.
    Report,
    /// What a worker of it knows, which says so itself. Descriptor: the same.
    Worker,
    /// The configuration in force. Descriptor: the bundle.
    Configuration(Reading),
    /// Done; this is the configuration in force.
    Done(u64),
    /// Not done, and why; all is as it was.
    Refused(String),
}

/// How the files are to be read again as it reads them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// nginx: the prefix.
    pub prefix: PathBuf,
    /// The file.
    pub conf: PathBuf,
    /// nginx: `-e`
    pub error_log: Option<PathBuf>,
    /// nginx: whether Debian's paths hold.
    pub debian: bool,
    /// nginx: `-g`
    pub globals: Option<String>,
    /// keepalived: `-i`
    pub config_id: String,
}

/// Answers one who has asked.
pub fn answer(guests: &Guests, guest: u64, answer: &Answer) {
    if let Some(link) = guests.link(guest) {
        // Who has gone, or does not read, is not waited for.
        let _ = link.send(answer, &[]);
    }
}

/// Answers with something that may be long.
///
/// # Errors
/// When it cannot be kept in memory, or the other side has gone.
pub fn hand_over(link: &Link, answer: &Answer, what: &impl Serialize) -> io::Result<()> {
    let sealed = bundle::seal(&serde_json::to_vec(what)?)?;
    link.send(answer, &[sealed.as_fd()])
}

/// One of the two, met.
#[derive(Debug)]
pub struct Master {
    link: Link,
}

impl Master {
    /// Goes to the place of that name.
    ///
    /// # Errors
    /// When nobody is there, or without the right.
    pub fn meet(name: &str) -> io::Result<Self> {
        Ok(Master { link: meet::connect(name)? })
    }

    /// Goes to all of them: the newest first.
    ///
    /// # Errors
    /// Without the right.
    pub fn meet_all(name: &str) -> io::Result<Vec<Self>> {
        let (one, several) = (meet::connect(name).ok(), meet::connect_all(name)?);
        Ok(one.into_iter().chain(several).map(|link| Master { link }).collect())
    }

    /// Tells it something and waits for the answer.
    ///
    /// # Errors
    /// When it ends meanwhile, or `TimedOut`.
    pub fn tell(&self, order: Order, limit: Duration) -> io::Result<(Answer, Option<OwnedFd>)> {
        self.link.send(&order, &[])?;
        self.hear(limit)
    }

    /// Waits for one more answer.
    ///
    /// # Errors
    /// As [`Master::tell`].
    pub fn hear(&self, limit: Duration) -> io::Result<(Answer, Option<OwnedFd>)> {
        let end = Instant::now() + limit;
        loop {
            match self.link.receive() {
                Ok(Some((answer, fds))) => return Ok((answer, fds.into_iter().next())),
                Ok(None) => return Err(io::ErrorKind::ConnectionReset.into()),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                Err(_) if self.link.wait_for(end.saturating_duration_since(Instant::now())) => {}
                Err(_) => return Err(io::ErrorKind::TimedOut.into()),
            }
        }
    }
}

/// What came sealed with an answer.
///
/// # Errors
/// When it is not there or is something else.
pub fn unpack<T: DeserializeOwned>(fd: Option<OwnedFd>) -> io::Result<T> {
    let fd = fd.ok_or(io::ErrorKind::InvalidData)?;
    Ok(serde_json::from_slice(&bundle::unseal(fd)?)?)
}
