//! Those who have come to a meeting place of ours: let in, heard, answered.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use serde::de::DeserializeOwned;

use super::meet::Meeting;
use crate::bus::wire::Link;

/// Everybody who is there.
#[derive(Debug, Default)]
pub struct Guests {
    meeting: Option<Meeting>,
    links: BTreeMap<u64, Link>,
    newest: u64,
}

impl Guests {
    /// Opens the place of that name; a second time, in place of whoever has opened it since.
    ///
    /// # Errors
    /// Without the right to `/run/rkeep`.
    pub fn open(&mut self, name: &str) -> io::Result<()> {
        self.meeting = Some(Meeting::open(name)?);
        Ok(())
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.meeting.is_some()
    }

    /// Readable when somebody comes, speaks, or goes.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.meeting.iter().map(AsFd::as_fd).chain(self.links.values().map(AsFd::as_fd))
    }

    /// All that has been said since the last time, by whom; nothing by those who have gone.
    pub fn hear<M: DeserializeOwned>(&mut self) -> Vec<(u64, Option<M>)> {
        while let Some(link) = self.meeting.as_ref().and_then(Meeting::accept) {
            self.newest += 1;
            self.links.insert(self.newest, link);
        }
        let mut said = Vec::new();
        self.links.retain(|key, link| {
            let here = hear(link, |message| said.push((*key, Some(message))));
            if !here {
                said.push((*key, None));
            }
            here
        });
        said
    }

    /// The way to one of them, as long as he is there.
    pub fn link(&self, key: u64) -> Option<&Link> {
        self.links.get(&key)
    }
}

/// Takes all that one has said. Whether he is still there.
fn hear<M: DeserializeOwned>(link: &Link, mut take: impl FnMut(M)) -> bool {
    loop {
        match link.receive::<M>() {
            Ok(Some((message, _))) => take(message),
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            Ok(None) => return false,
        }
    }
}
