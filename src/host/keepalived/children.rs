//! A child as its parent sees it: its process, its link, and what waits to be sent to it.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::message::{FromChild, ToChild};
use crate::bus::Role;
use crate::bus::hub::Hub;
use crate::bus::wire::Link;
use crate::host::spawn;
use crate::sys::process;

/// A child that lived shorter than this is respawned with growing delays.
const SHORT_LIFE: Duration = Duration::from_secs(60);

/// The same for the VRRP process: one that dies now and then need not give its addresses up.
const SHORT_VRRP_LIFE: Duration = Duration::from_secs(10);

/// The longest delay.
const LONGEST: Duration = Duration::from_secs(60);

/// A child that runs.
#[derive(Debug)]
pub struct Child {
    /// What it does.
    pub role: Role,
    /// Its id.
    pub pid: i32,
    /// The way to it.
    pub link: Link,
    /// It has said that it runs, or that it has taken up the newest configuration.
    pub settled: bool,
    /// When it was started.
    pub since: Instant,
    waiting: VecDeque<(ToChild, Option<Arc<OwnedFd>>)>,
}

impl Child {
    /// A child just started.
    pub fn new(role: Role, spawned: spawn::Child) -> Self {
        let (pid, link) = (spawned.pid, spawned.link);
        Child { role, pid, link, settled: false, since: Instant::now(), waiting: VecDeque::new() }
    }

    /// Sends a message as soon as the child reads.
    pub fn send(&mut self, message: ToChild, fd: Option<Arc<OwnedFd>>) {
        self.waiting.push_back((message, fd));
    }

    /// Sends what waits, as far as the child reads. True when something is left.
    pub fn flush(&mut self, hub: &mut Hub<Role>) -> bool {
        while let Some((message, fd)) = self.waiting.front() {
            let fds: Vec<_> = fd.iter().map(|fd| fd.as_fd()).collect();
            match self.link.send(message, &fds) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                // A child that has gone is noticed by its end.
                _ => drop(self.waiting.pop_front()),
            }
        }
        while let Some(fact) = hub.next(self.role) {
            match self.link.send(&ToChild::Fact(fact.clone()), &[]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                _ => hub.sent(self.role),
            }
        }
        false
    }

    /// What the child has said; nothing more when there is none, or when it has gone.
    pub fn hear(&self) -> Option<FromChild> {
        self.link.receive::<FromChild>().ok().flatten().map(|(message, _)| message)
    }

    /// Ends it the hard way.
    pub fn kill(&self) {
        // Its end is reaped as any other.
        let _ = process::signal(self.pid, libc::SIGKILL);
    }
}

/// What a role's processes are called in the log.
pub fn name(role: Role) -> &'static str {
    match role {
        Role::Vrrp => "VRRP",
        Role::Checkers => "Healthcheck",
        _ => "Agent",
    }
}

/// How long to wait before a role is started again: nothing the first time, then 1 s, 2 s, 4 s … 60 s as long as it keeps
/// dying young.
#[derive(Debug, Default)]
pub struct Patience {
    next: Duration,
}

/// What to do about a process that has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// Start another one after so long.
    pub delay: Duration,
    /// It may go on where the dead one was; else it lets others take over.
    pub take_up: bool,
}

impl Patience {
    /// What to do after a process of this role that lived for `life`.
    pub fn again(&mut self, role: Role, life: Duration) -> Again {
        let short = if role == Role::Vrrp { SHORT_VRRP_LIFE } else { SHORT_LIFE };
        if life >= short {
            self.next = Duration::ZERO;
        }
        let (delay, second) = (self.next, self.next == Duration::from_secs(1));
        self.next = (delay * 2).clamp(Duration::from_secs(1), LONGEST);
        // Saying good-bye does not wait; it is tried at once but one time.
        let delay = if second && role == Role::Vrrp { Duration::ZERO } else { delay };
        Again { delay, take_up: self.next == Duration::from_secs(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_each_early_death_and_is_forgiven_after_a_long_life() {
        let mut patience = Patience::default();
        let mut after = |life| patience.again(Role::Checkers, Duration::from_secs(life)).delay.as_secs();
        let delays: Vec<u64> = (0..9).map(|_| after(2)).collect();
        assert_eq!(delays, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!((after(61), after(1)), (0, 1));
    }

    #[test]
    fn a_vrrp_process_goes_on_once_then_says_good_bye_at_once() {
        let mut patience = Patience::default();
        let mut after = |life| patience.again(Role::Vrrp, Duration::from_secs(life));
        let again = |delay, take_up| Again { delay: Duration::from_secs(delay), take_up };
        assert_eq!([after(2), after(11)], [again(0, true); 2], "now and then");
        assert_eq!([after(9), after(9), after(9)], [again(0, false), again(2, false), again(4, false)]);
    }
}
