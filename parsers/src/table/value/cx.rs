//! What a value's parser is given, and what it may answer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Zones;
use crate::diag::{Class, Diagnostic, Label};
use crate::ir::expr::Variables;
use crate::source::{SourceMap, Span};
use crate::syntax::tree::{Block, Broken, Directive};

/// Whose language is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// nginx.conf.
    #[default]
    Nginx,
    /// keepalived.conf.
    Keepalived,
}

/// Which release's defaults hold; see the README's table of differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compat {
    /// nginx's version as major, minor: (1, 31) unless `compat nginx=1.22`.
    pub nginx: (u16, u16),
    /// keepalived's version: (2, 4) unless `compat keepalived=2.2`.
    pub keepalived: (u16, u16),
}

impl Default for Compat {
    fn default() -> Self {
        Compat { nginx: (1, 31), keepalived: (2, 4) }
    }
}

/// Why a value was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The original's words, without level and place.
    pub text: String,
    /// The word at fault; the directive's name when none.
    pub at: Option<Span>,
    /// What to write instead.
    pub help: Option<String>,
    /// The words are a verdict on the directive: nginx puts `"NAME" directive ` before them.
    pub verdict: bool,
}

impl Fault {
    /// A fault with the original's words.
    pub fn new(text: impl Into<String>) -> Self {
        Fault { text: text.into(), at: None, help: None, verdict: false }
    }

    /// A verdict on the whole directive: `is duplicate`, `invalid value`.
    pub fn verdict(text: impl Into<String>) -> Self {
        Fault { verdict: true, ..Fault::new(text) }
    }

    /// At a word.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.at = Some(span);
        self
    }

    /// With a hint.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}

/// What a value's parser may look at and write to besides its own words.
#[derive(Debug, Default)]
pub struct Cx {
    /// The language.
    pub dialect: Dialect,
    /// Whose defaults.
    pub compat: Compat,
    /// What paths in `-p` terms are relative to.
    pub prefix: PathBuf,
    /// The directory of the main configuration file.
    pub conf_dir: PathBuf,
    /// A running keepalived takes most numbers that have junk after them; everybody else refuses them.
    pub lenient: bool,
    /// The name of the block the directive stands in, for messages that give it.
    pub owner: String,
    /// Rules of keepalived's seen so far that have no preference.
    pub unnumbered: u32,
    /// Names of keepalived's `track_group`s seen so far.
    pub track_groups: Vec<String>,
    /// Variables seen so far.
    pub variables: Variables,
    /// Names of the `log_format`s seen so far, `combined` first.
    pub log_formats: Vec<String>,
    /// Buffers of access logs by file, which must agree: size, flush, compression.
    pub log_buffers: HashMap<PathBuf, (u64, Option<u64>, Option<u8>)>,
    /// Addresses of host names that values are written with.
    pub hosts: HashMap<String, Vec<IpAddr>>,
    /// Shared memory, by name.
    pub zones: Zones,
    /// Defaults that differ from the rows', by keyword: those of an older release, or of another layout of files.
    pub defaults: HashMap<&'static str, String>,
    /// All files, for the places in messages.
    pub sources: Arc<SourceMap>,
    /// All findings, in the order in which the original meets them.
    pub diagnostics: Vec<Diagnostic>,
}

impl Cx {
    /// Whether keepalived 2.2 is the model, by `compat keepalived=2.2`.
    pub fn is_old_keepalived(&self) -> bool {
        self.compat.keepalived < Compat::default().keepalived
    }

    /// A path as nginx completes it: relative ones are below the prefix.
    pub fn full_path(&self, path: &[u8]) -> PathBuf {
        self.prefix.join(String::from_utf8_lossy(path).as_ref())
    }

    /// An error at a place, with nginx's line for it.
    pub fn emerg(&mut self, code: &'static str, text: impl Into<String>, at: Span, end: Span, help: Option<String>) {
        let text = text.into();
        let line = format!("{text}{}", self.tail(end));
        let mut found = Diagnostic::error(code, text).at(at, "").legacy(Class::NginxEmerg, line);
        found.help = help;
        self.diagnostics.push(found);
    }

    /// The fault of a directive, as an error.
    pub fn refuse(&mut self, directive: &Directive, fault: Fault) {
        let text = match fault.verdict {
            true => format!("\"{}\" directive {}", directive.name.lossy(), fault.text),
            false => fault.text,
        };
        self.emerg("nginx::invalid-value", text, fault.at.unwrap_or(directive.name.span), directive.end, fault.help);
    }

    /// What could not be read, as an error.
    pub fn broken(&mut self, fault: &Broken) {
        let text = match fault.errno {
            Some(errno) => format!("{} ({errno}: {})", fault.message, errno_text(errno)),
            None => fault.message.clone(),
        };
        let (code, help) = match fault.errno {
            Some(_) => ("nginx::include", Some(self.include_help(fault.span))),
            None => ("nginx::syntax", syntax_help(&fault.message).map(str::to_owned)),
        };
        self.emerg(code, text, fault.span, fault.end, help);
        let open = fault.open.iter().filter(|open| **open != fault.span);
        let open = open.map(|span| Label { span: *span, text: "still open at the end of the file".to_owned() });
        if let Some(found) = self.diagnostics.last_mut() {
            found.related.extend(open);
        }
    }

    fn include_help(&self, name: Span) -> String {
        let name = String::from_utf8_lossy(self.sources.text(name)).into_owned();
        let place = format!("names in include are looked up in {}", self.conf_dir.display());
        match name.ends_with("mime.types") {
            true => format!("{place}; copy mime.types there from nginx's package, such as /etc/nginx/mime.types"),
            false => place,
        }
    }

    /// The lines of a block that is no list of directives (`types`, `map`), with complaints about what cannot stand
    /// there.
    pub fn walk<'b>(&mut self, block: &'b Block) -> Vec<&'b Directive> {
        let mut lines = Vec::new();
        for (at, line) in block.items.iter().enumerate() {
            self.broken_before(block, at);
            match &line.block {
                Some(_) => self.emerg("nginx::syntax", "unexpected \"{\"", line.end, line.end, None),
                None => lines.push(line),
            }
        }
        self.broken_after(block, block.items.len());
        lines
    }

    /// Says what could not be read just before an item.
    pub fn broken_before(&mut self, block: &Block, at: usize) {
        block.broken.iter().filter(|fault| fault.before == at).for_each(|fault| self.broken(fault));
    }

    /// Says what could not be read after the last of so many items.
    pub fn broken_after(&mut self, block: &Block, count: usize) {
        block.broken.iter().filter(|fault| fault.before >= count).for_each(|fault| self.broken(fault));
    }

    /// Says something that nginx warns of and goes on.
    pub fn warn(&mut self, directive: &Directive, code: &'static str, text: impl Into<String>, at: Span) {
        let text = text.into();
        if !directive.end.is_written() {
            return;
        }
        let line = format!("{text}{}", self.tail(directive.end));
        self.diagnostics.push(Diagnostic::warning(code, text).at(at, "").legacy(Class::NginxWarn, line));
    }

    /// ` in FILE:LINE` as nginx ends its messages: the line is that of the last byte read.
    pub fn tail(&self, end: Span) -> String {
        match self.sources.path(end.file) {
            path if path == Path::new("command line") => " in command line".to_owned(),
            _ => format!(" in {}", self.sources.place(end)),
        }
    }
}

/// The system's words for an error number.
fn errno_text(errno: i32) -> String {
    let shown = std::io::Error::from_raw_os_error(errno).to_string();
    shown.rsplit_once(" (os error").map_or(shown.clone(), |(text, _)| text.to_owned())
}

fn syntax_help(message: &str) -> Option<&'static str> {
    Some(match message {
        "unexpected \"}\"" => "a directive before it lacks its \";\", or the \"}\" is one too many",
        "unexpected end of file, expecting \"}\"" => "this block is not closed: add the missing \"}\"",
        "unexpected end of file, expecting \";\" or \"}\"" => "a \";\", a \"}\" or a closing quote is missing",
        "unexpected \";\"" => "there is no directive before this \";\": delete it",
        _ => return None,
    })
}
