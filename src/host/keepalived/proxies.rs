//! The proxies of this box that have come to the bus, and whether they serve.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use tracing::{info, warn};

use crate::bus::lease::{FromProxy, Leases};
use crate::bus::{Subject, Verdict};
use crate::host::guests::Guests;
use crate::host::meet::BUS;
use crate::sys::listening;

/// Everything about them.
#[derive(Debug, Default)]
pub struct Proxies {
    guests: Guests,
    leases: Leases,
}

impl Proxies {
    /// Lets proxies in from now on.
    pub fn open(&mut self) {
        if !self.guests.is_open()
            && let Err(cause) = self.guests.open(BUS)
        {
            warn!("nginx of this box cannot say whether it serves: {cause}");
        }
    }

    /// Readable when a proxy has something to say.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.guests.fds()
    }

    /// Hears them, then looks at the clock: what waited to be heard has been said in time.
    pub fn turn(&mut self) -> Vec<(Subject, Verdict)> {
        let said = self.guests.hear::<FromProxy>();
        let now = Instant::now();
        for (key, message) in said {
            match message {
                Some(message) => self.leases.hear(key, now, message),
                None => self.leases.closed(key, now),
            }
        }
        let taken = listening::Sockets::default();
        let news = self.leases.judge(now, |address: SocketAddr| taken.contains(address));
        news.iter().for_each(|(subject, verdict)| tell(subject, *verdict));
        news
    }

    /// When [`Proxies::turn`] is due, whatever is heard.
    pub fn deadline(&self) -> Option<Instant> {
        self.leases.deadline(Instant::now())
    }
}

fn tell(subject: &Subject, verdict: Verdict) {
    let how = match verdict {
        Verdict::Up => "serves",
        Verdict::Down => "does not serve",
        _ => "is no longer ours",
    };
    match subject {
        Subject::Listener(address) => info!("nginx of this box: {address} {how}"),
        _ => info!("nginx of this box {how}"),
    }
}
