//! `access_log`: lines in their format, written at once, buffered, compressed, or to a path that the request decides.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rkeep_parsers::ir::Arena;
use rkeep_parsers::ir::expr::{Expr, Part};
use rkeep_parsers::ir::http::{Escape, LogFormat};
use rkeep_parsers::nginx::HttpLog;
use rkeep_parsers::table::value::{AccessLog as Directive, LogTarget, Words};

use super::filters::gzip::Encoder;
use super::logfile::{self, LogFile, LogFiles, Target};

/// Appends the value of a part of an expression to a line; false when it has none.
pub type Append<'a> = dyn FnMut(&Part, &mut Vec<u8>) -> bool + 'a;

/// All access logs of one location.
#[derive(Debug, Default)]
pub struct AccessLogs {
    logs: Vec<AccessLog>,
}

/// One of them.
#[derive(Debug)]
struct AccessLog {
    format: LogFormat,
    condition: Option<Expr>,
    to: To,
}

#[derive(Debug)]
enum To {
    Plain(Target),
    Buffered(Arc<Buffered>),
    Template { path: Expr, open: OpenFiles },
}

/// Buffers of access logs by path: one a file, over all locations and generations.
#[derive(Debug, Default)]
pub struct Buffers {
    by_path: Mutex<HashMap<PathBuf, Arc<Buffered>>>,
}

/// A log file that is written in large pieces.
#[derive(Debug)]
struct Buffered {
    file: Arc<LogFile>,
    limit: usize,
    patience: Option<Duration>,
    gzip: Option<u8>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    due: Option<Instant>,
}

thread_local! {
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl AccessLogs {
    /// Makes a location's logs ready.
    ///
    /// # Errors
    /// A file that cannot be opened, or a format that is not there.
    pub fn compile(conf: &HttpLog, formats: &Arena<LogFormat>, files: &LogFiles) -> Result<AccessLogs, String> {
        let compile = |directive: &Directive| {
            let format = formats.values().find(|format| format.name == directive.format);
            let format = format.ok_or_else(|| format!("unknown log format \"{}\"", directive.format))?.clone();
            let to = destination(directive, conf, files)?;
            Ok(AccessLog { format, condition: directive.condition.clone(), to })
        };
        let logs = conf.access_log.0.iter().map(compile).collect::<Result<_, String>>()?;
        Ok(AccessLogs { logs })
    }

    /// Whether nothing is logged.
    pub fn is_empty(&self) -> bool {
        self.logs.is_empty()
    }

    /// Logs a request. `append` knows its variables; `complain` is told what could not be written.
    pub fn write(&self, append: &mut Append<'_>, complain: &mut dyn FnMut(String)) {
        for log in &self.logs {
            if log.condition.as_ref().is_some_and(|condition| !holds(condition, append)) {
                continue;
            }
            LINE.with_borrow_mut(|line| {
                line.clear();
                log.format(line, append);
                log.send(line, append, complain);
            });
        }
    }
}

fn destination(directive: &Directive, conf: &HttpLog, files: &LogFiles) -> Result<To, String> {
    if let LogTarget::Template(path) = &directive.target {
        let open = OpenFiles::new(&conf.open_log_file_cache);
        return Ok(To::Template { path: path.clone(), open });
    }
    match (files.target(&directive.target)?, directive.buffer, &directive.target) {
        (Some(Target::File(file)), Some(limit), LogTarget::File(path)) => {
            Ok(To::Buffered(files.buffers.take(path, file, limit as usize, directive)))
        }
        (Some(target), _, _) => Ok(To::Plain(target)),
        (None, _, _) => Err("this log has no destination".to_owned()),
    }
}

/// A condition holds unless it is empty or `0`.
fn holds(condition: &Expr, append: &mut Append<'_>) -> bool {
    let value = plain(condition, append);
    !value.is_empty() && value != b"0"
}

fn plain(expr: &Expr, append: &mut Append<'_>) -> Vec<u8> {
    let mut value = Vec::new();
    for part in &expr.parts {
        append(part, &mut value);
    }
    value
}

impl AccessLog {
    fn format(&self, line: &mut Vec<u8>, append: &mut Append<'_>) {
        for part in &self.format.line.parts {
            let start = line.len();
            match part {
                Part::Text(text) => line.extend_from_slice(text),
                _ if append(part, line) => escape(line, start, self.format.escape),
                _ if self.format.escape == Escape::Default => line.push(b'-'),
                _ => {}
            }
        }
        line.push(b'\n');
    }

    fn send(&self, line: &[u8], append: &mut Append<'_>, complain: &mut dyn FnMut(String)) {
        match &self.to {
            To::Plain(Target::Syslog(server)) => server.send_access(line.strip_suffix(b"\n").unwrap_or(line)),
            To::Plain(Target::File(file)) => logfile::gather(file, line),
            To::Plain(Target::Stderr) => {
                let _ = std::io::stderr().write_all(line);
            }
            To::Buffered(buffered) => buffered.write(line),
            To::Template { path, open } => {
                let path = PathBuf::from(std::ffi::OsString::from_vec(plain(path, append)));
                if let Err(error) = open.write(&path, line) {
                    let error = super::errorlog::os_error(&error);
                    complain(format!("open() \"{}\" failed ({error})", path.display()));
                }
            }
        }
    }
}

/// Escapes what was appended to a line since `start`; nothing moves when nothing needs it.
fn escape(line: &mut Vec<u8>, start: usize, how: Escape) {
    let odd = |byte: &u8| match how {
        Escape::Default => *byte == b'"' || *byte == b'\\' || !(32..=126).contains(byte),
        Escape::Json => *byte == b'"' || *byte == b'\\' || *byte < 32,
        Escape::None => false,
    };
    let Some(first) = line.get(start..).unwrap_or_default().iter().position(odd) else { return };
    let value = line.split_off(start + first);
    for byte in &value {
        match (odd(byte), how) {
            (false, _) => line.push(*byte),
            (true, Escape::Json) => json_escape(line, *byte),
            (true, _) => {
                let _ = write!(line, "\\x{byte:02X}");
            }
        }
    }
}

fn json_escape(line: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        8 => b'b',
        12 => b'f',
        _ => {
            let _ = write!(line, "\\u{byte:04X}");
            return;
        }
    };
    line.extend_from_slice(&[b'\\', short]);
}

impl Buffers {
    fn take(&self, path: &Path, file: Arc<LogFile>, limit: usize, directive: &Directive) -> Arc<Buffered> {
        let patience = directive.flush.map(|flush| flush.duration());
        let mut by_path = self.by_path.lock().unwrap_or_else(PoisonError::into_inner);
        let same =
            by_path.get(path).filter(|old| old.is_as(limit, patience, directive.gzip) && Arc::ptr_eq(&old.file, &file));
        if let Some(same) = same {
            return same.clone();
        }
        let new = Arc::new(Buffered { file, limit, patience, gzip: directive.gzip, waiting: Mutex::default() });
        if let Some(old) = by_path.insert(path.to_owned(), new.clone()) {
            old.flush();
        }
        new
    }

    /// Writes buffers whose `flush` time has come; called a few times a second.
    pub fn tick(&self, now: Instant) {
        for buffered in self.all().iter().filter(|buffered| buffered.is_due(now)) {
            buffered.flush();
        }
    }

    /// Writes everything: before files are reopened and at the end.
    pub fn flush(&self) {
        self.all().iter().for_each(|buffered| buffered.flush());
    }

    fn all(&self) -> Vec<Arc<Buffered>> {
        self.by_path.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Buffered {
    fn is_as(&self, limit: usize, patience: Option<Duration>, gzip: Option<u8>) -> bool {
        (self.limit, self.patience, self.gzip) == (limit, patience, gzip)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.waiting().due.is_some_and(|due| due <= now)
    }

    fn write(&self, line: &[u8]) {
        let mut waiting = self.waiting();
        if waiting.lines.len() + line.len() > self.limit {
            self.write_out(&mut waiting);
        }
        waiting.lines.extend_from_slice(line);
        if waiting.lines.len() > self.limit {
            self.write_out(&mut waiting);
        } else if waiting.due.is_none() {
            waiting.due = self.patience.map(|patience| Instant::now() + patience);
        }
    }

    fn flush(&self) {
        self.write_out(&mut self.waiting());
    }

    fn write_out(&self, waiting: &mut Waiting) {
        waiting.due = None;
        if waiting.lines.is_empty() {
            return;
        }
        match self.gzip {
            None => self.file.write(&waiting.lines),
            Some(level) => {
                let mut member = Vec::with_capacity(waiting.lines.len() / 4 + 32);
                let mut encoder = Encoder::new(level.into());
                encoder.encode(&waiting.lines, &mut member);
                encoder.finish(&mut member);
                self.file.write(&member);
            }
        }
        waiting.lines.clear();
    }
}

/// `open_log_file_cache`: files of paths with variables that stay open.
#[derive(Debug)]
struct OpenFiles {
    max: usize,
    valid: Duration,
    open: Mutex<HashMap<PathBuf, OpenFile>>,
}

/// A file that stays open.
#[derive(Debug)]
struct OpenFile {
    file: Arc<File>,
    opened: Instant,
    used: Instant,
}

impl OpenFiles {
    fn new(words: &Words) -> Self {
        let value = |name: &str| words.0.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let max = value("max").and_then(|max| max.parse().ok()).unwrap_or_default();
        let seconds = |text: &str| text.trim_end_matches('s').parse().ok().map(Duration::from_secs);
        let valid = value("valid").and_then(seconds).unwrap_or(Duration::from_secs(60));
        OpenFiles { max, valid, open: Mutex::default() }
    }

    fn write(&self, path: &Path, line: &[u8]) -> std::io::Result<()> {
        let file = self.file(path)?;
        (&*file).write_all(line)
    }

    fn file(&self, path: &Path) -> std::io::Result<Arc<File>> {
        let append = || OpenOptions::new().append(true).create(true).open(path).map(Arc::new);
        if self.max == 0 {
            return append();
        }
        let now = Instant::now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, file| now.duration_since(file.opened) < self.valid);
        if let Some(file) = open.get_mut(path) {
            file.used = now;
            return Ok(file.file.clone());
        }
        let oldest = || open.iter().min_by_key(|(_, file)| file.used).map(|(path, _)| path.clone());
        if let Some(path) = (open.len() >= self.max).then(oldest).flatten() {
            open.remove(&path);
        }
        let file = append()?;
        open.insert(path.to_owned(), OpenFile { file: file.clone(), opened: now, used: now });
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(value: &[u8], how: Escape) -> String {
        let mut line = b"<".to_vec();
        line.extend_from_slice(value);
        escape(&mut line, 1, how);
        String::from_utf8(line).expect("ascii")
    }

    #[test]
    fn escapes() {
        assert_eq!(escaped(b"plain", Escape::Default), "<plain");
        assert_eq!(escaped(b"a\"b\\\x1b\xff", Escape::Default), "<a\\x22b\\x5C\\x1B\\xFF");
        assert_eq!(escaped(b"a\"b\n\x1b", Escape::Json), "<a\\\"b\\n\\u001B");
        assert_eq!(escaped(b"a\"b", Escape::None), "<a\"b");
    }

    #[test]
    fn absent_values() {
        let line = |how| {
            let text = Part::Text((*b"[").into());
            let line = Expr::from([text, Part::Capture(1)]);
            let format = LogFormat { name: "x".into(), escape: how, line };
            let to = To::Plain(Target::Stderr);
            let mut out = Vec::new();
            AccessLog { format, condition: None, to }.format(&mut out, &mut |_, _| false);
            String::from_utf8(out).expect("ascii")
        };
        assert_eq!(line(Escape::Default), "[-\n");
        assert_eq!(line(Escape::Json), "[\n");
        assert_eq!(line(Escape::None), "[\n");
    }

    #[test]
    fn conditions() {
        let value = |text: &'static [u8]| {
            holds(&Expr::from([Part::Capture(1)]), &mut |_, out| {
                out.extend_from_slice(text);
                true
            })
        };
        assert!(value(b"1") && value(b"00") && value(b"x"));
        assert!(!value(b"") && !value(b"0"));
    }
}
