//! What a drill has shown, as lines for people or as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::Outage;

/// One drill.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// Its name.
    pub drill: &'static str,
    /// What was done, in a sentence.
    pub what: &'static str,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// What did not hold. Empty: the drill held.
    pub broken: Vec<String>,
}

/// One line of figures.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// Of what.
    pub name: String,
    /// The value as people read it.
    pub value: String,
}

impl Outcome {
    /// A drill that has not shown anything yet.
    pub fn new(drill: &'static str, what: &'static str) -> Outcome {
        Outcome { drill, what, ..Outcome::default() }
    }

    /// Whether all that was asked of it held.
    pub fn held(&self) -> bool {
        self.broken.is_empty()
    }

    /// Notes a figure.
    pub fn figure(&mut self, name: impl Into<String>, value: impl fmt::Display) {
        self.figures.push(Figure { name: name.into(), value: value.to_string() });
    }

    /// Notes what should hold and does not.
    pub fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(otherwise());
        }
    }

    /// Notes how long nobody answered, which must not be longer than the protocol allows.
    pub fn silence(&mut self, name: &str, outage: &Outage, bound: Duration) {
        let (longest, bound) = (outage.longest.as_millis(), bound.as_millis());
        self.figure(name, format!("{longest} ms without an answer (at most {bound} ms allowed)"));
        self.figure(format!("{name}, requests"), format!("{} sent, {} failed", outage.asked, outage.tally.failed()));
        self.expect(longest <= bound, || format!("{name}: {longest} ms without an answer, {bound} ms allowed"));
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "drill {}: {}", self.drill, self.what)?;
        for figure in &self.figures {
            writeln!(f, "  {:<34} {}", figure.name, figure.value)?;
        }
        for broken in &self.broken {
            writeln!(f, "  BROKEN: {broken}")?;
        }
        writeln!(f, "  {}", if self.held() { "held" } else { "did not hold" })
    }
}
