//! nginx's `charset_map`: how one character set is written in another.

use crate::source::Span;

/// One `charset_map` block; it is used in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharsetMap {
    /// The first set, lower case.
    pub from: String,
    /// The second set, lower case.
    pub to: String,
    /// Codes of the first set and what they are in the second: one byte, or several for UTF-8.
    pub pairs: Vec<(u8, Vec<u8>)>,
    /// The block.
    pub span: Span,
}

impl CharsetMap {
    /// Whether the second set is UTF-8, where a character may take several bytes.
    pub fn is_utf8(&self) -> bool {
        self.to == "utf-8"
    }
}
