//! What the answers about a name come to. Pure.

use std::net::IpAddr;

use super::message::{Kind, Reply};

/// What is known of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its addresses.
    Addresses(Vec<IpAddr>),
    /// It stands for another name.
    Alias(String),
    /// Why it has none.
    Failed(Failure),
}

/// Why a name could not be resolved: the code of the DNS, or the system's for a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure(pub u16);

impl Failure {
    /// There is no such name.
    pub const NOT_FOUND: Failure = Failure(3);
    /// Nobody answered.
    pub const TIMED_OUT: Failure = Failure(libc::ETIMEDOUT as u16);

    /// nginx's words.
    pub fn text(self) -> &'static str {
        match self.0 {
            1 => "Format error",
            2 => "Server failure",
            3 => "Host not found",
            4 => "Unimplemented",
            5 => "Operation refused",
            _ if self == Failure::TIMED_OUT => "Operation timed out",
            _ => "Unknown error",
        }
    }
}

/// The answers that have come so far.
#[derive(Clone, Debug)]
pub struct Gathered {
    missing: Vec<Kind>,
    addresses: Vec<IpAddr>,
    alias: Option<String>,
    /// The last answer was that there is nothing.
    nothing: bool,
    failed: Option<Failure>,
    ttl: u32,
}

impl Gathered {
    /// Nothing yet of what is asked.
    pub fn new(asked: Vec<Kind>) -> Self {
        Gathered { missing: asked, addresses: Vec::new(), alias: None, nothing: false, failed: None, ttl: u32::MAX }
    }

    /// What is still to be asked.
    pub fn missing(&self) -> &[Kind] {
        &self.missing
    }

    /// Takes an answer.
    pub fn take(&mut self, kind: Kind, reply: Reply) {
        self.missing.retain(|missing| *missing != kind);
        self.nothing = reply == Reply::Nothing;
        match reply {
            Reply::Addresses(addresses, ttl) => {
                self.addresses.extend(addresses);
                self.ttl = self.ttl.min(ttl);
            }
            Reply::Alias(name, ttl) => {
                self.alias = Some(name);
                self.ttl = self.ttl.min(ttl);
            }
            Reply::Failed(code) => self.failed = Some(Failure(code)),
            Reply::Nothing | Reply::Truncated => {}
        }
    }

    /// What it comes to once enough has come, and for how many seconds that holds. One failure fails the whole; the
    /// last alias counts where there is no address, unless the last answer denies it.
    pub fn outcome(&self) -> Option<(Outcome, u32)> {
        if let Some(failed) = self.failed {
            return Some((Outcome::Failed(failed), 0));
        }
        if !self.missing.is_empty() {
            return None;
        }
        Some(match &self.alias {
            _ if !self.addresses.is_empty() => (Outcome::Addresses(self.addresses.clone()), self.ttl),
            Some(name) if !self.nothing => (Outcome::Alias(name.clone()), self.ttl),
            _ => (Outcome::Failed(Failure::NOT_FOUND), 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gather(a: Reply, aaaa: Reply) -> Outcome {
        let mut gathered = Gathered::new(vec![Kind::A, Kind::Aaaa]);
        gathered.take(Kind::A, a);
        gathered.take(Kind::Aaaa, aaaa);
        gathered.outcome().expect("all is there").0
    }

    #[test]
    fn two_answers_are_one() {
        let four = || Reply::Addresses(vec![IpAddr::from([127, 0, 0, 1])], 9);
        let six = || Reply::Addresses(vec![IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])], 9);
        let alias = |name: &str| Reply::Alias(name.into(), 9);
        let not_found = Outcome::Failed(Failure::NOT_FOUND);
        assert!(matches!(gather(four(), six()), Outcome::Addresses(found) if found.len() == 2));
        assert!(matches!(gather(four(), Reply::Nothing), Outcome::Addresses(found) if found.len() == 1));
        assert!(matches!(gather(Reply::Nothing, six()), Outcome::Addresses(found) if found.len() == 1));
        assert!(matches!(gather(alias("x"), six()), Outcome::Addresses(found) if found.len() == 1));
        assert_eq!(gather(alias("x"), alias("y")), Outcome::Alias("y".into()));
        assert_eq!(gather(Reply::Nothing, alias("y")), Outcome::Alias("y".into()));
        assert_eq!(gather(alias("x"), Reply::Nothing), not_found);
        assert_eq!(gather(Reply::Nothing, Reply::Nothing), not_found);
        assert_eq!(gather(four(), Reply::Failed(2)), Outcome::Failed(Failure(2)));
    }

    #[test]
    fn a_failure_need_not_wait_for_the_rest() {
        let mut gathered = Gathered::new(vec![Kind::A, Kind::Aaaa]);
        assert_eq!(gathered.outcome(), None);
        gathered.take(Kind::Aaaa, Reply::Failed(5));
        assert_eq!(gathered.outcome(), Some((Outcome::Failed(Failure(5)), 0)));
        assert_eq!(Failure(5).text(), "Operation refused");
    }
}
