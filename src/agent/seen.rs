//! Which facts have been acted on, so that an agent that takes a dead one's place does not mail and run everything again:
//! a new subscriber is told all that is known.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sys::process::make_dir;

/// Where it is remembered: facts are numbered anew after a reboot.
pub const PLACE: &str = "/run/rkeep";

/// A process that numbers facts: its id, and when it started, as ids come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Its process id.
    pub pid: u32,
    /// In the kernel's ticks since boot.
    pub started: u64,
}

impl Hub {
    /// This process's parent.
    pub fn parent() -> Self {
        let pid = std::os::unix::process::parent_id();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // proc(5): the 22nd field; the second is a name in brackets that may hold anything.
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let started = fields.split_ascii_whitespace().nth(19).and_then(|field| field.parse().ok());
        Hub { pid, started: started.unwrap_or(0) }
    }
}

/// The number of the newest fact acted on.
#[derive(Debug)]
pub struct Seen {
    hub: Hub,
    /// None where nothing can be written: then a replacement repeats, rather than says nothing.
    file: Option<PathBuf>,
    newest: u64,
}

impl Seen {
    /// What an agent of the same hub has seen.
    pub fn of(place: &Path, hub: Hub) -> Self {
        let file = make_dir(place, 0o755).is_ok().then(|| place.join(format!("agent-{}.seen", hub.pid)));
        let text = file.as_ref().and_then(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        let newest = text.split_once(' ').filter(|(started, _)| started.parse() == Ok(hub.started));
        let newest = newest.and_then(|(_, newest)| newest.parse().ok()).unwrap_or(0);
        Seen { hub, file, newest }
    }

    /// Whether a fact has been acted on. One without a number never has.
    pub fn has(&self, seq: u64) -> bool {
        seq != 0 && seq <= self.newest
    }

    /// A fact is about to be acted on.
    pub fn mark(&mut self, seq: u64) {
        if seq > self.newest {
            self.newest = seq;
            if let Some(file) = &self.file {
                // Without it a replacement repeats this fact, which is better than to stop here.
                let _ = fs::write(file, format!("{} {seq}", self.hub.started));
            }
        }
    }

    /// The hub ends too: nobody will ask.
    pub fn forget(self) {
        if let Some(file) = self.file {
            let _ = fs::remove_file(file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replacement_knows_what_its_predecessor_has_seen() {
        let place = std::env::temp_dir().join(format!("rkeep-seen-{}", std::process::id()));
        let hub = Hub { pid: 1, started: 5 };
        let mut seen = Seen::of(&place, hub);
        assert!(!seen.has(1));
        seen.mark(7);
        let next = Seen::of(&place, hub);
        assert!(next.has(7) && !next.has(8) && !next.has(0));
        let other = Hub { started: 6, ..hub };
        assert!(!Seen::of(&place, other).has(1), "another hub numbers anew");
        next.forget();
        assert!(!Seen::of(&place, hub).has(7));
        assert_eq!(Hub::parent(), Hub::parent());
        assert_ne!(Hub::parent().started, 0);
        fs::remove_dir_all(&place).expect("removed");
    }
}
