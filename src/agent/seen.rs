//! Which facts have been acted on, so that an agent that takes a dead one's place does not mail and run everything again:
//! a new subscriber is told all that is known.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Where it is remembered: facts are numbered anew after a reboot.
pub const PLACE: &str = "/run/rkeep";

/// The number of the newest fact acted on.
#[derive(Debug)]
pub struct Seen {
    /// None where nothing can be written: then a replacement repeats, rather than says nothing.
    file: Option<PathBuf>,
    newest: u64,
}

impl Seen {
    /// What an agent of the same hub has seen. The hub is known by its process.
    pub fn of(place: &Path, hub: u32) -> Self {
        let made = DirBuilder::new().recursive(true).mode(0o755).create(place);
        let file = made.is_ok().then(|| place.join(format!("agent-{hub}.seen")));
        let newest = file.as_ref().and_then(|file| fs::read_to_string(file).ok()).and_then(|text| text.parse().ok());
        Seen { file, newest: newest.unwrap_or(0) }
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
                let _ = fs::write(file, seq.to_string());
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
        let mut seen = Seen::of(&place, 1);
        assert!(!seen.has(1));
        seen.mark(7);
        let next = Seen::of(&place, 1);
        assert!(next.has(7) && !next.has(8) && !next.has(0));
        assert!(!Seen::of(&place, 2).has(1), "another hub numbers anew");
        next.forget();
        assert!(!Seen::of(&place, 1).has(7));
        fs::remove_dir_all(&place).expect("removed");
    }
}
