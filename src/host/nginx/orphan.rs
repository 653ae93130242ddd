//! A worker whose master has died serves on, and a master that starts anew takes its sockets over, so that nobody is
//! refused. They meet at a socket that belongs to the pid file: as long as there is a master, it answers there itself.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::message::{ToWorker, send};
use crate::bus::wire::{Link, MOST_FDS};
use crate::host::meet::{self, Meeting};

/// How long whoever is there may take to answer. A master that is there but hangs is not followed by another.
const PATIENCE: Duration = Duration::from_secs(2);

/// From a master that starts.
#[derive(Debug, Serialize, Deserialize)]
enum Question {
    /// Which sockets are served?
    Sockets,
    /// Serve no longer.
    Leave,
}

/// From whoever is there.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    /// There is a master already.
    Master,
    /// Descriptors: these, and perhaps more.
    Sockets { more: bool },
}

/// The place where a master and, after its death, its worker are found.
#[derive(Debug)]
pub struct Home(Option<Meeting>);

impl Home {
    /// Opens the place of a pid file. A master that may not has none.
    pub fn open(pid: &Path) -> Self {
        Home(Meeting::open(&name(pid)).ok())
    }

    /// Readable when a master starts beside this one.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.0.as_ref().map(AsFd::as_fd)
    }

    /// Tells whoever starts that there is a master.
    pub fn answer(&self) {
        while let Some(guest) = self.0.as_ref().and_then(Meeting::accept) {
            // One who has gone does not ask any more.
            let _ = guest.send(&Answer::Master, &[]);
        }
    }

    /// Shows a worker the place, for the time after its master.
    pub fn show(&self, worker: &Link) {
        if let Some(meeting) = &self.0 {
            // A worker that has gone is noticed by its end.
            let _ = send(worker, &ToWorker::Home, &[meeting.as_fd()]);
        }
    }
}

/// The place a worker was shown, with the master that is there to take over.
#[derive(Debug)]
pub struct Heritage {
    place: OwnedFd,
    heir: Option<Link>,
}

impl Heritage {
    /// Nobody has come yet.
    pub fn new(place: OwnedFd) -> Self {
        Heritage { place, heir: None }
    }

    /// Readable when there is something to do.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.heir.as_ref().map_or(self.place.as_fd(), AsFd::as_fd)
    }

    /// Hands the sockets to a master that asks for them. Whether it serves them by now.
    pub fn turn(&mut self, sockets: &[OwnedFd]) -> bool {
        if self.heir.is_none() {
            self.heir = meet::accept(&self.place);
        }
        let Some(heir) = &self.heir else { return false };
        match heir.receive::<Question>() {
            Ok(Some((Question::Leave, _))) => return true,
            Ok(Some((Question::Sockets, _))) if hand_over(heir, sockets).is_ok() => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            // It has gone before it served.
            _ => self.heir = None,
        }
        false
    }
}

fn hand_over(heir: &Link, sockets: &[OwnedFd]) -> std::io::Result<()> {
    let fds: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
    let mut chunks = fds.chunks(MOST_FDS).peekable();
    while let Some(chunk) = chunks.next() {
        heir.send(&Answer::Sockets { more: chunks.peek().is_some() }, chunk)?;
    }
    Ok(())
}

/// A worker without a master, and its sockets.
#[derive(Debug)]
pub struct Orphan {
    link: Link,
    /// What it listens on.
    pub sockets: Vec<OwnedFd>,
}

impl Orphan {
    /// Looks for one that belongs to a pid file.
    pub fn find(pid: &Path) -> Option<Self> {
        let link = meet::connect(&name(pid)).ok()?;
        link.send(&Question::Sockets, &[]).ok()?;
        let mut sockets = Vec::new();
        while link.wait_for(PATIENCE) {
            match link.receive().ok()?? {
                (Answer::Master, _) => return None,
                (Answer::Sockets { more }, some) => {
                    sockets.extend(some);
                    if !more {
                        return Some(Orphan { link, sockets });
                    }
                }
            }
        }
        None
    }

    /// Its sockets are served: it may end.
    pub fn release(&self) {
        // One that has ended needs no word.
        let _ = self.link.send(&Question::Leave, &[]);
    }
}

/// A place a pid file.
fn name(pid: &Path) -> String {
    format!("nginx-{}", meet::tag(pid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_go_over_and_the_old_one_is_let_go() {
        let (ours, theirs) = Link::pair().unwrap();
        let sockets: Vec<OwnedFd> = (0..300).map(|_| crate::host::bundle::seal(b"x").unwrap()).collect();
        let mut heritage = Heritage { place: crate::host::bundle::seal(b"").unwrap(), heir: Some(theirs) };
        assert!(!heritage.turn(&sockets));
        ours.send(&Question::Sockets, &[]).unwrap();
        assert!(!heritage.turn(&sockets));
        let mut got = 0;
        while let Ok(Some((Answer::Sockets { .. }, fds))) = ours.receive::<Answer>() {
            got += fds.len();
        }
        assert_eq!(got, 300);
        Orphan { link: ours, sockets: Vec::new() }.release();
        assert!(heritage.turn(&sockets));
    }
}
