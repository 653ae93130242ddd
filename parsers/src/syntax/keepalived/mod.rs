//! keepalived.conf to lines: comments cut, includes opened, definitions, conditions and sequences carried out, braces
//! set apart. What a line means, and which `{` belongs to which keyword, depends on the keywords themselves, so the tree is
//! built where they are known (`lower::keepalived`); [`Line`]s keep the exact places the tree is made of.
//!
//! keepalived's rules, which differ from nginx's: one keyword a line; `#` and `!` start a comment anywhere outside `"`;
//! braces are recognised anywhere outside `"`; `{` may stand on a later line; nothing else spans lines.

mod cut;
mod define;
mod include;
mod reader;
mod sequence;
mod text;
mod words;

pub use reader::{Source, read};
pub use text::Text;
pub use words::{OpenQuote, command};

use crate::source::{FileId, Span};
use crate::syntax::tree::Word;

/// One line as keepalived's parser sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The file it stands in.
    pub file: FileId,
    /// Its number as keepalived counts: a line that is too long counts as several.
    pub number: u32,
    /// Where it was written.
    pub span: Span,
    /// What it is.
    pub item: Item,
}

/// What a line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A keyword with its words, never empty of both.
    Words {
        /// The words.
        words: Vec<Word>,
        /// The line they were cut from: commands are cut by other rules.
        raw: Text,
        /// Whether a `"` was left open.
        open_quote: bool,
    },
    /// `{`
    Open,
    /// `}`
    Close,
    /// What a comment says to rkeep alone.
    Pragma(String),
    /// Something wrong with the text itself.
    Trouble(Trouble),
}

impl Item {
    /// Whether keepalived would see something here.
    pub fn is_text(&self) -> bool {
        !matches!(self, Item::Pragma(_) | Item::Trouble(_))
    }
}

/// What can be wrong with the text itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A line of more than 1023 bytes: it is left out, its tail is read as a line.
    TooLong,
    /// A NUL byte: the line is left out.
    Nul,
    /// A `"` without its pair, with the line.
    OpenQuote(String),
    /// An `include` that names no file, with the name; whether keepalived stops at it.
    NoFile {
        /// The name as written.
        name: String,
        /// Whether it is a pattern that matched nothing.
        pattern: bool,
        /// `includea` and the like: reading ends here.
        fatal: bool,
    },
    /// More includes in one another, or more lines, than are sensible.
    Limit,
}
