//! The tree both languages are read into. It keeps a span for everything, so that the bytes between two items
//! (comments, spacing) are the bytes of the file between two spans: nothing is lost, nothing is copied twice.

use smallvec::SmallVec;

use crate::source::Span;

/// How a word was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quote {
    /// Bare.
    #[default]
    None,
    /// In `'…'`.
    Single,
    /// In `"…"`.
    Double,
}

/// Bytes of a word: nearly all are so short that they need no memory of their own.
pub type WordText = SmallVec<[u8; 16]>;

/// One word of a directive, unquoted and unescaped as its language does it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it means after quotes and escapes.
    pub text: WordText,
    /// Where it was written, quotes included.
    pub span: Span,
    /// How it was written.
    pub quote: Quote,
}

impl Word {
    /// The text for messages and comparisons; bytes that are not UTF-8 are replaced.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.text)
    }

    /// Whether the word is exactly `text`.
    pub fn is(&self, text: &str) -> bool {
        self.text.as_slice() == text.as_bytes()
    }
}

/// One directive with its block, if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The keyword.
    pub name: Word,
    /// What follows it, up to `;`, `{` or the end of the line.
    pub args: Box<[Word]>,
    /// The block that belongs to it.
    pub block: Option<Box<Block>>,
    /// From the first byte of the name to the `;`, the `}` or the end of the line, inclusive.
    pub span: Span,
    /// The terminator: `;` or `{` in nginx, the end of the line in keepalived. Its line is what nginx names in messages.
    pub end: Span,
}

/// What stands between braces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    /// The directives inside, files pulled in by `include` already in their place.
    pub items: Vec<Directive>,
    /// `{`.
    pub open: Span,
    /// `}`; empty at the end of the file where it is missing.
    pub close: Span,
    /// What could not be read, in order: nginx stops at the first, check-config goes on.
    pub broken: Vec<Broken>,
}

/// Text that is not of the language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// It stands before the item of this index.
    pub before: usize,
    /// The original's words, without level and place.
    pub message: String,
    /// The error of the operating system that led to it.
    pub errno: Option<i32>,
    /// The place to be marked.
    pub span: Span,
    /// The last byte read when it was noticed: the original names its line. Empty at the end of a file.
    pub end: Span,
    /// Blocks that are still open there, the innermost first, each by its head.
    pub open: Vec<Span>,
}

static EMPTY: Word = Word { text: WordText::new_const(), span: Span::NONE, quote: Quote::None };

impl Directive {
    /// The argument of this index; an empty word where there is none.
    pub fn arg(&self, index: usize) -> &Word {
        self.args.get(index).unwrap_or(&EMPTY)
    }
}
