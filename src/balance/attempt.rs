//! What one request remembers while it looks for a peer.

use std::net::IpAddr;

/// What a request is balanced by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Key {
    /// By nothing of its own.
    #[default]
    None,
    /// By the client's address; none for clients on a unix socket.
    Address(Option<IpAddr>),
    /// By the value of `hash`.
    Text(Vec<u8>),
}

/// One request's search: which peers it has had, how often it may go on.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// How many more peers may be asked.
    pub tries: u32,
    pub(super) tried: Tried,
    pub(super) in_backup: bool,
    pub(super) key: Key,
    pub(super) walk: Walk,
}

/// Where the hashing methods stand.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    /// The hash so far, or the point on the continuum.
    pub hash: u32,
    /// How often `hash` has hashed.
    pub rehash: u32,
    /// How many peers in vain: beyond 20 the turn decides.
    pub tries: u32,
}

impl Walk {
    /// Counts a peer that could not be used. True when the turn is to decide.
    pub fn in_vain(&mut self) -> bool {
        self.tries += 1;
        self.is_over()
    }

    /// Whether the turn is to decide.
    pub fn is_over(&self) -> bool {
        self.tries > 20
    }
}

/// A set of peers' places.
#[derive(Clone, Debug, Default)]
pub(super) struct Tried {
    first: u64,
    more: Vec<u64>,
}

impl Tried {
    pub fn has(&self, index: usize) -> bool {
        let word = match index / 64 {
            0 => self.first,
            n => self.more.get(n - 1).copied().unwrap_or(0),
        };
        word & (1 << (index % 64)) != 0
    }

    pub fn add(&mut self, index: usize) {
        let bit = 1 << (index % 64);
        match index / 64 {
            0 => self.first |= bit,
            n => {
                if self.more.len() < n {
                    self.more.resize(n, 0);
                }
                self.more[n - 1] |= bit;
            }
        }
    }

    pub fn clear(&mut self) {
        self.first = 0;
        self.more.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_beyond_one_word() {
        let mut tried = Tried::default();
        for index in [0, 63, 64, 200] {
            assert!(!tried.has(index));
            tried.add(index);
            assert!(tried.has(index));
        }
        assert!(!tried.has(65));
        tried.clear();
        assert!(![0, 63, 64, 200].iter().any(|&index| tried.has(index)));
    }
}
