//! The proxies of this box that have come to the bus, and whether they serve.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use tracing::{info, warn};

use crate::bus::lease::{FromProxy, Leases};
use crate::bus::wire::Link;
use crate::bus::{Subject, Verdict};
use crate::host::meet::{BUS, Meeting};
use crate::sys::listening;

/// Everything about them.
#[derive(Debug, Default)]
pub struct Proxies {
    meeting: Option<Meeting>,
    links: BTreeMap<u64, Link>,
    newest: u64,
    leases: Leases,
}

impl Proxies {
    /// Lets proxies in from now on.
    pub fn open(&mut self) {
        if self.meeting.is_none() {
            let opened = Meeting::open(BUS);
            self.meeting =
                opened.inspect_err(|cause| warn!("nginx of this box cannot say whether it serves: {cause}")).ok();
        }
    }

    /// Readable when a proxy has something to say.
    pub fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.meeting.iter().map(AsFd::as_fd).chain(self.links.values().map(AsFd::as_fd))
    }

    /// Hears them, then looks at the clock: what waited to be heard has been said in time.
    pub fn turn(&mut self) -> Vec<(Subject, Verdict)> {
        while let Some(link) = self.meeting.as_ref().and_then(Meeting::accept) {
            self.newest += 1;
            self.links.insert(self.newest, link);
        }
        let now = Instant::now();
        let leases = &mut self.leases;
        self.links.retain(|key, link| {
            let here = hear(link, |message| leases.hear(*key, now, message));
            if !here {
                leases.closed(*key, now);
            }
            here
        });
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

/// Takes all that has been said. Whether the other side is still there.
fn hear(link: &Link, mut take: impl FnMut(FromProxy)) -> bool {
    loop {
        match link.receive::<FromProxy>() {
            Ok(Some((message, _))) => take(message),
            Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            Ok(None) => return false,
        }
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
