//! Diagnostics: what is wrong, where, and what to write instead, with three faces: the original's exact line
//! ([`legacy`]), a picture for people ([`report`]) and JSON for programs ([`json`]).

pub mod json;
pub mod legacy;
pub mod report;

use crate::source::Span;

/// How bad it is. The order matters: the worst of a run decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; never changes an exit code.
    Note,
    /// The program runs, but hardly as meant.
    Warning,
    /// The file is refused, or (keepalived) a line is not what it seems.
    Error,
}

/// A place with a word about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What is to be said about it; may be empty.
    pub text: String,
}

/// The line the original would have printed, and how it counts there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legacy {
    /// nginx: the text with its ` in FILE:LINE` tail, without the level; keepalived: the text with its `(FILE: Line N) ` head.
    pub line: String,
    /// nginx's level of the line, or keepalived's class; see the two `legacy` rules in [`legacy`].
    pub class: Class,
}

/// How an original's line counts for its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// nginx: goes on.
    NginxWarn,
    /// nginx: refuses the file.
    NginxEmerg,
    /// keepalived: said, and counts for nothing.
    Remark,
    /// keepalived: a file is not there.
    FileNotFound,
    /// keepalived: an interface is not there.
    BadInterface,
    /// keepalived: cannot run.
    Fatal,
    /// keepalived: the `-f` argument named several files.
    MultipleFiles,
    /// keepalived: unknown word.
    UnknownKeyword,
    /// keepalived: `{` or `}` where none belongs.
    Braces,
    /// keepalived: `"` without its pair.
    Quote,
    /// keepalived: a parameter is missing; the process that parses exits with 2 at once.
    MissingParameter,
    /// keepalived: not a number, or out of range.
    Number,
    /// keepalived: anything else.
    General,
    /// keepalived: a warning.
    Warning,
    /// keepalived: an old word.
    Deprecated,
    /// keepalived: scripts that others could change.
    Security,
    /// keepalived: nothing is left to run; the process that parses exits with 6 at once.
    NoConfig,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad.
    pub severity: Severity,
    /// A stable, greppable name such as `nginx::unknown-directive` or `link::vip-unanswered`.
    pub code: &'static str,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The place that is wrong; none for findings about what is absent.
    pub at: Option<Label>,
    /// Other places that matter.
    pub related: Vec<Label>,
    /// What to write instead.
    pub help: Option<String>,
    /// What the original says; none where it says nothing.
    pub legacy: Option<Legacy>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// A warning.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    /// A note.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message.into())
    }

    fn new(severity: Severity, code: &'static str, message: String) -> Self {
        Diagnostic { severity, code, message, at: None, related: Vec::new(), help: None, legacy: None }
    }

    /// With its place.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.at = Some(Label { span, text: text.into() });
        self
    }

    /// With another place that matters.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// With what to write instead.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    /// With its files' ids moved, as when their map was taken into another.
    #[must_use]
    pub fn moved(mut self, by: u32) -> Self {
        for label in self.at.iter_mut().chain(&mut self.related).filter(|label| label.span.is_written()) {
            label.span.file.0 += by;
        }
        self
    }

    /// With the original's line.
    #[must_use]
    pub fn legacy(mut self, class: Class, line: impl Into<String>) -> Self {
        self.legacy = Some(Legacy { line: line.into(), class });
        self
    }
}
