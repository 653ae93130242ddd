//! What is known of a directive besides its value.

use std::fmt;

use super::Contexts;

/// How many words may follow the keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    /// At least.
    pub min: u8,
    /// At most.
    pub max: u8,
    /// A `{ … }` follows.
    pub block: bool,
}

impl Arity {
    /// No words.
    pub const NONE: Arity = Arity::range(0, 0);
    /// One word.
    pub const ONE: Arity = Arity::range(1, 1);
    /// One or more.
    pub const SOME: Arity = Arity::range(1, u8::MAX);
    /// Any number.
    pub const ANY: Arity = Arity::range(0, u8::MAX);

    /// From `min` to `max` words, no block.
    pub const fn range(min: u8, max: u8) -> Arity {
        Arity { min, max, block: false }
    }

    /// The same with a block.
    pub const fn with_block(self) -> Arity {
        Arity { block: true, ..self }
    }

    /// Whether so many words fit.
    pub fn takes(self, words: usize) -> bool {
        (usize::from(self.min)..=usize::from(self.max)).contains(&words)
            || (self.max == u8::MAX && words >= usize::from(self.min))
    }
}

/// From where to where a number may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Whole numbers.
    Whole(i64, i64),
    /// Seconds with a fraction; the limits are microseconds.
    Seconds(u64, u64),
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |micros: u64| micros as f64 / 1e6;
        match *self {
            Range::Whole(min, max) => write!(f, "{min} to {max}"),
            Range::Seconds(min, max) if max > FOREVER => write!(f, "{} or more", seconds(min)),
            Range::Seconds(min, max) => write!(f, "{} to {}", seconds(min), seconds(max)),
        }
    }
}

/// More microseconds than anybody writes.
const FOREVER: u64 = 1 << 53;

/// Whether it works, and how one knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Works, shown by the compat test of this name (`area/test`).
    Proof(&'static str),
    /// Works, not yet shown by a test of its own.
    Works,
    /// Taken without effect, because it has nothing to act on here; check-config says why.
    Ignored(&'static str),
    /// An error with this reason.
    Refused(&'static str),
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The word the operator writes.
    pub keyword: &'static str,
    /// The nginx module or keepalived block it comes from.
    pub module: &'static str,
    /// Where it may stand.
    pub contexts: Contexts,
    /// How many words follow.
    pub arity: Arity,
    /// What follows, in words for the manual: `time`, `size`, `on | off`.
    pub syntax: &'static str,
    /// Which numbers it takes, where it takes one.
    pub range: Option<Range>,
    /// What holds where it is absent, as one would write it.
    pub default: Option<&'static str>,
    /// Whether inner blocks inherit it.
    pub inherited: bool,
    /// Whether it works.
    pub status: Status,
    /// The manual's text.
    pub doc: &'static str,
}

impl Row {
    /// A directive whose meaning is more than a value: the lowering takes it.
    pub const fn structural(
        keyword: &'static str,
        module: &'static str,
        contexts: Contexts,
        arity: Arity,
        syntax: &'static str,
        doc: &'static str,
    ) -> Row {
        let (range, default, inherited, status) = (None, None, false, Status::Works);
        Row { keyword, module, contexts, arity, syntax, range, default, inherited, status, doc }
    }

    /// A directive that is known and not built: an error with its reason.
    pub const fn refused(keyword: &'static str, module: &'static str, contexts: Contexts, why: &'static str) -> Row {
        Row {
            keyword,
            module,
            contexts,
            arity: Arity::ANY,
            syntax: "…",
            range: None,
            default: None,
            inherited: false,
            status: Status::Refused(why),
            doc: "",
        }
    }
}
