//! Findings as they come up: with keepalived's line for its faces, with place and hint for check-config.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{Mode, Pass};
use crate::diag::{Class, Diagnostic, Severity};
use crate::source::{FileId, Span};
use crate::syntax::keepalived::Line;

/// The line of the file that keepalived names.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    file: FileId,
    number: u32,
    /// The line.
    pub(super) span: Option<Span>,
}

impl Place {
    pub(super) fn of(line: &Line) -> Place {
        Place { file: line.file, number: line.number, span: Some(line.span) }
    }
}

/// All findings of a reading.
pub(super) struct Report {
    mode: Mode,
    /// The pass that reads now.
    pub(super) pass: Pass,
    /// The names of the files, by id.
    pub(super) shown: Vec<PathBuf>,
    /// The findings.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Whether the process that reads would have exited.
    pub(super) fatal: bool,
    /// Whether the process of this pass would have exited.
    stopped: bool,
    seen: HashSet<(Option<Span>, String)>,
}

/// What is found.
pub(super) struct Found<'a> {
    /// How keepalived counts it.
    pub(super) class: Class,
    /// keepalived's words.
    pub(super) text: String,
    /// The exact place, the line where none is given.
    pub(super) span: Option<Span>,
    /// What is said at the place itself.
    pub(super) label: &'a str,
    /// What to write instead.
    pub(super) help: &'a str,
}

impl<'a> Found<'a> {
    pub(super) fn new(class: Class, text: impl Into<String>, help: &'a str) -> Found<'a> {
        Found { class, text: text.into(), span: None, label: "", help }
    }

    pub(super) fn label(self, label: &'a str) -> Found<'a> {
        Found { label, ..self }
    }

    pub(super) fn at(self, span: Span) -> Found<'a> {
        Found { span: Some(span).filter(|span| span.is_written()), ..self }
    }
}

impl Report {
    pub(super) fn new(mode: Mode) -> Report {
        let (pass, shown) = (Pass::Parent, Vec::new());
        Report { mode, pass, shown, diagnostics: Vec::new(), fatal: false, stopped: false, seen: HashSet::new() }
    }

    /// What the file is read for.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// A pass begins.
    pub(super) fn begin(&mut self, pass: Pass) {
        (self.pass, self.stopped) = (pass, false);
    }

    /// Whether the pass ends here.
    pub(super) fn stopped(&self) -> bool {
        self.stopped && !matches!(self.mode, Mode::Check { .. })
    }

    /// Whether all reading ends here: `-t` reads in one process.
    pub(super) fn ended(&self) -> bool {
        self.stopped && self.mode == Mode::Test
    }

    /// The process of this pass exits.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.fatal |= match self.mode {
            Mode::Run(pass) => pass == self.pass,
            Mode::Test | Mode::Check { .. } => true,
        };
    }

    /// Whether check-config has not said this yet: hints are not looked for twice.
    pub(super) fn is_new(&self, at: Span, text: &str) -> bool {
        !self.seen.contains(&(Some(at), text.to_owned()))
    }

    /// A finding in a line.
    pub(super) fn say(&mut self, place: Place, found: Found<'_>) {
        let line = format!("{}{}", self.prefix(place), found.text);
        self.finding(place.span, line, found);
    }

    /// A finding in a line that keepalived did not get as far as counting: it names the line before, if there is one.
    pub(super) fn say_after(&mut self, place: Place, found: Found<'_>) {
        match place.number.checked_sub(1) {
            None | Some(0) => self.conclude(place.span, found),
            Some(number) => self.say(Place { number, ..place }, found),
        }
    }

    /// A finding after the reading: keepalived names no line.
    pub(super) fn conclude(&mut self, at: Option<Span>, found: Found<'_>) {
        let line = found.text.clone();
        self.finding(at, line, found);
    }

    fn finding(&mut self, span: Option<Span>, line: String, found: Found<'_>) {
        if self.stopped() {
            return;
        }
        let span = found.span.or(span);
        let (code, severity) = code(found.class);
        let mut finding = Diagnostic::error(code, found.text).legacy(found.class, line);
        finding.severity = severity;
        if let Some(span) = span {
            finding = finding.at(span, found.label);
        }
        if !found.help.is_empty() {
            finding = finding.help(found.help);
        }
        if matches!(found.class, Class::MissingParameter | Class::NoConfig) {
            self.stop();
        }
        self.push(finding);
    }

    /// A finding of rkeep's own, or one prepared by a value: keepalived's line gets its place.
    pub(super) fn prepared(&mut self, place: Place, mut finding: Diagnostic) {
        let prefix = self.prefix(place);
        if let Some(legacy) = &mut finding.legacy {
            legacy.line.insert_str(0, &prefix);
        }
        self.push(finding);
    }

    /// Refuses to run with this file: whichever process reads it says why.
    pub(super) fn refuse(&mut self, place: Place, finding: Diagnostic) {
        if !matches!(self.mode, Mode::Run(_)) {
            return self.prepared(place, finding);
        }
        self.fatal = true;
        let line = format!("{}{}", self.prefix(place), finding.message);
        let known = |found: &Diagnostic| found.legacy.as_ref().is_some_and(|legacy| legacy.line == line);
        if !self.diagnostics.iter().any(known) {
            self.diagnostics.push(finding.legacy(Class::General, line));
        }
    }

    fn push(&mut self, finding: Diagnostic) {
        let wanted = match self.mode {
            Mode::Test => true,
            Mode::Run(pass) => pass == self.pass,
            Mode::Check { .. } => {
                let place = finding.at.as_ref().map(|label| label.span);
                self.seen.insert((place, finding.message.clone()))
            }
        };
        if wanted {
            self.diagnostics.push(finding);
        }
    }

    /// `(FILE: Line N) `; the parent names no file but those included.
    fn prefix(&self, place: Place) -> String {
        let top = place.file == FileId(0);
        match self.shown.get(place.file.0 as usize) {
            Some(name) if !(top && self.pass == Pass::Parent) => {
                format!("({}: Line {}) ", name.display(), place.number)
            }
            _ => format!("(Line {}) ", place.number),
        }
    }

    /// `-f` named several files.
    pub(super) fn several_files(&mut self, pattern: &Path, first: &str) {
        let text =
            format!("WARNING, multiple configuration file matches of {}, starting with {first}", pattern.display());
        self.conclude(None, Found::new(Class::MultipleFiles, text, "name one file"));
    }
}

fn code(class: Class) -> (&'static str, Severity) {
    match class {
        Class::FileNotFound | Class::NoConfig => ("keepalived::no-file", Severity::Error),
        Class::BadInterface => ("keepalived::no-interface", Severity::Error),
        Class::UnknownKeyword => ("keepalived::unknown-keyword", Severity::Error),
        Class::Braces => ("keepalived::braces", Severity::Error),
        Class::Quote => ("keepalived::quote", Severity::Error),
        Class::MissingParameter => ("keepalived::missing-value", Severity::Error),
        Class::Number => ("keepalived::number", Severity::Error),
        Class::Warning => ("keepalived::warning", Severity::Warning),
        Class::Deprecated => ("keepalived::deprecated", Severity::Warning),
        Class::Security => ("keepalived::security", Severity::Warning),
        Class::MultipleFiles => ("keepalived::several-files", Severity::Warning),
        Class::Remark => ("keepalived::remark", Severity::Note),
        _ => ("keepalived::value", Severity::Error),
    }
}
