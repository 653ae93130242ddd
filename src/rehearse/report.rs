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
    /// The value: a number where there is one, else as people read it.
    pub value: Value,
    /// The largest value that the protocol allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<u64>,
    /// What is counted.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub unit: &'static str,
}

/// A figure's value.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A number.
    Number(u64),
    /// Words.
    Text(String),
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

    /// Notes a figure in words.
    pub fn figure(&mut self, name: impl Into<String>, value: impl fmt::Display) {
        self.figures.push(Figure { name: name.into(), value: Value::Text(value.to_string()), allowed: None, unit: "" });
    }

    /// Notes a number.
    pub fn number(&mut self, name: impl Into<String>, value: u64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value: Value::Number(value), allowed: None, unit });
    }

    /// Notes what should hold and does not.
    pub fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(otherwise());
        }
    }

    /// Notes how long nobody answered, which must not be longer than the protocol allows.
    pub fn silence(&mut self, name: &str, outage: &Outage, bound: Duration) {
        let (longest, allowed) = (millis(outage.longest), millis(bound));
        let value = Value::Number(longest);
        self.figures.push(Figure { name: format!("{name}: no answer"), value, allowed: Some(allowed), unit: "ms" });
        self.number(format!("{name}: sent"), outage.asked as u64, "requests");
        self.number(format!("{name}: failed"), outage.tally.failed() as u64, "requests");
        self.expect(longest <= allowed, || format!("{name}: {longest} ms without an answer, {allowed} ms allowed"));
    }
}

/// A time as a figure.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {:<26} ", self.name)?;
        match &self.value {
            Value::Number(number) => write!(f, "{number} {}", self.unit)?,
            Value::Text(text) => f.write_str(text)?,
        }
        self.allowed.map_or(Ok(()), |allowed| write!(f, " (at most {allowed} {} allowed)", self.unit))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "drill {}: {}", self.drill, self.what)?;
        for figure in &self.figures {
            writeln!(f, "{figure}")?;
        }
        for broken in &self.broken {
            writeln!(f, "  BROKEN: {broken}")?;
        }
        writeln!(f, "  {}", if self.held() { "held" } else { "did not hold" })
    }
}
