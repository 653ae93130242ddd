//! Whether a virtual server has enough live weight, with hysteresis. Pure.

use std::fmt;

/// A virtual server's quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    quorum: i64,
    hysteresis: i64,
    up: bool,
}

/// A quorum that was gained or lost, and by how much. Its text is the original's log line up to `for VS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Gained, or lost.
    pub gained: bool,
    quorum: i64,
    hysteresis: i64,
    weight: i64,
}

impl Quorum {
    /// A quorum that is not reached yet. It cannot ask for more than the `total` weight, nor may hysteresis reach it.
    pub fn new(quorum: u32, hysteresis: u32, total: i64) -> Self {
        let quorum = i64::from(quorum).min(total.max(1));
        let hysteresis = if i64::from(hysteresis) < quorum { i64::from(hysteresis) } else { 0 };
        Quorum { quorum, hysteresis, up: false }
    }

    /// Whether it is reached.
    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Keeps what was known across a reload.
    pub fn with(mut self, up: bool) -> Self {
        self.up = up;
        self
    }

    /// Takes the live `weight`.
    pub fn weigh(&mut self, weight: i64) -> Option<Change> {
        let up = match self.up {
            true => weight > 0 && weight >= self.quorum - self.hysteresis,
            false => weight >= self.quorum + self.hysteresis,
        };
        if up == self.up {
            return None;
        }
        self.up = up;
        Some(Change { gained: up, quorum: self.quorum, hysteresis: self.hysteresis, weight })
    }
}

impl Change {
    /// The sum as the original writes it into mails: a loss with the sign and the comparison of a gain.
    pub fn in_mail(&self) -> String {
        let Change { gained, quorum, hysteresis, weight } = self;
        let sum = if *gained { quorum + hysteresis } else { quorum - hysteresis };
        format!("{quorum}+{hysteresis}={sum} <= {weight}")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Change { gained, quorum, hysteresis, weight } = self;
        match gained {
            true => write!(f, "Gained quorum {quorum}+{hysteresis}={} <= {weight}", quorum + hysteresis),
            false => write!(f, "Lost quorum {quorum}-{hysteresis}={} > {weight}", quorum - hysteresis),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hysteresis_works_both_ways() {
        let mut quorum = Quorum::new(5, 2, 20);
        assert_eq!(quorum.weigh(6), None);
        assert_eq!(quorum.weigh(7).map(|c| c.to_string()).as_deref(), Some("Gained quorum 5+2=7 <= 7"));
        assert_eq!(quorum.weigh(3), None);
        let lost = quorum.weigh(2);
        assert_eq!(lost.map(|c| c.to_string()).as_deref(), Some("Lost quorum 5-2=3 > 2"));
        assert_eq!(lost.map(|c| c.in_mail()).as_deref(), Some("5+2=3 <= 2"));
    }

    #[test]
    fn cannot_ask_for_more_than_there_is() {
        let mut quorum = Quorum::new(10, 10, 3);
        assert!(quorum.weigh(3).is_some_and(|change| change.gained));
        assert!(quorum.weigh(0).is_some_and(|change| !change.gained));
    }
}
