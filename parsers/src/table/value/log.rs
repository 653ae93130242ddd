//! Values about logs.

use std::path::PathBuf;

use super::{Arity, Cx, Fault, Msec, Value, parse_number, parse_size, parse_time};
use crate::ir::expr::Expr;
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};

/// All `access_log`s of a level; `off` empties them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLogs(pub Vec<AccessLog>);

/// One `access_log`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// Where to.
    pub target: LogTarget,
    /// The `log_format`'s name.
    pub format: String,
    /// `buffer=`, bytes.
    pub buffer: Option<u64>,
    /// `flush=`
    pub flush: Option<Msec>,
    /// `gzip[=level]`
    pub gzip: Option<u8>,
    /// `if=`
    pub condition: Option<Expr>,
    /// The directive.
    pub span: Span,
}

/// Where a log goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogTarget {
    /// Standard error.
    #[default]
    Stderr,
    /// A file, absolute.
    File(PathBuf),
    /// A path with variables.
    Template(Expr),
    /// `syslog:server=…,facility=…,severity=…,tag=…,nohostname`
    Syslog(Syslog),
}

/// A syslog target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Syslog {
    /// `server=`: address, name or `unix:` path.
    pub server: String,
    /// `facility=`, 23 (local7) unless said.
    pub facility: u8,
    /// `severity=`, 6 (info) unless said.
    pub severity: u8,
    /// `tag=`, `nginx` unless said.
    pub tag: String,
    /// `nohostname`
    pub nohostname: bool,
}

/// One `error_log`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ErrorLog {
    /// Where to.
    pub target: LogTarget,
    /// The least level.
    pub level: Level,
}

/// Levels of `error_log`; smaller is worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "syslog's own names")]
pub enum Level {
    Emerg = 1,
    Alert,
    Crit,
    #[default]
    Error,
    Warn,
    Notice,
    Info,
    Debug,
}

impl Value for AccessLogs {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "path [format [buffer=size] [gzip[=level]] [flush=time] [if=condition]] | off";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let path = directive.arg(0);
        if path.is("off") {
            return match directive.args.get(1) {
                None => Ok(AccessLogs::default()),
                Some(word) => Err(parameter(word)),
            };
        }
        let target = access_target(path, cx)?;
        let mut log = AccessLog {
            target,
            format: format_name(directive.args.get(1), cx)?,
            buffer: None,
            flush: None,
            gzip: None,
            condition: None,
            span: directive.span,
        };
        for word in directive.args.iter().skip(2) {
            access_parameter(&mut log, word, cx)?;
        }
        check_buffer(&log, path)?;
        same_buffer(&log, path, cx)?;
        Ok(AccessLogs(vec![log]))
    }

    /// `off` wins over any other line of its level.
    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        match self.0.is_empty() || more.0.is_empty() {
            true => self.0.clear(),
            false => self.0.extend(more.0),
        }
        Ok(())
    }
}

fn parameter(word: &Word) -> Fault {
    Fault::new(format!("invalid parameter \"{}\"", word.lossy())).at(word.span)
}

fn access_target(word: &Word, cx: &mut Cx) -> Result<LogTarget, Fault> {
    if let Some(arguments) = word.text.strip_prefix(b"syslog:") {
        return syslog(arguments, word).map(LogTarget::Syslog);
    }
    if !word.text.contains(&b'$') {
        return Ok(LogTarget::File(cx.full_path(&word.text)));
    }
    let full = cx.full_path(&word.text).to_string_lossy().into_owned();
    Expr::compile(full.as_bytes(), word.span, cx).map(LogTarget::Template)
}

fn format_name(word: Option<&Word>, cx: &Cx) -> Result<String, Fault> {
    let Some(word) = word else { return Ok("combined".to_owned()) };
    let name = word.lossy();
    let known = cx.log_formats.iter().find(|known| known.eq_ignore_ascii_case(&name));
    let missing = || {
        let fault = Fault::new(format!("unknown log format \"{name}\"")).at(word.span);
        fault.help(format!("define it before this line: log_format {name} '…';"))
    };
    match known {
        Some(known) => Ok(known.clone()),
        // The built-in one is known before any file is read.
        None if name.eq_ignore_ascii_case("combined") => Ok("combined".to_owned()),
        None => Err(missing()),
    }
}

fn access_parameter(log: &mut AccessLog, word: &Word, cx: &mut Cx) -> Result<(), Fault> {
    let text = word.lossy();
    let refuse = |what: &str, value: &str| Fault::new(format!("invalid {what} \"{value}\"")).at(word.span);
    match text.split_once('=') {
        Some(("buffer", value)) => {
            let size = parse_size(value.as_bytes()).filter(|size| *size > 0);
            log.buffer = Some(size.ok_or_else(|| refuse("buffer size", value))?);
        }
        Some(("flush", value)) => {
            let time = parse_time(value.as_bytes(), false).filter(|time| *time > 0);
            log.flush = Some(Msec(time.ok_or_else(|| refuse("flush time", value))?));
        }
        Some(("gzip", value)) => {
            let level = parse_number(value.as_bytes()).filter(|level| (1..=9).contains(level));
            log.gzip = Some(level.ok_or_else(|| refuse("compression level", value))? as u8);
        }
        Some(("if", value)) => log.condition = Some(Expr::compile(value.as_bytes(), word.span, cx)?),
        None if text == "gzip" => log.gzip = Some(1),
        _ => return Err(parameter(word)),
    }
    if log.gzip.is_some() {
        log.buffer.get_or_insert(64 * 1024);
    }
    Ok(())
}

/// All lines that write to a file through a buffer must want the same one.
fn same_buffer(log: &AccessLog, path: &Word, cx: &mut Cx) -> Result<(), Fault> {
    let (LogTarget::File(file), Some(size)) = (&log.target, log.buffer) else { return Ok(()) };
    let wanted = (size, log.flush.map(|time| time.0), log.gzip);
    match *cx.log_buffers.entry(file.clone()).or_insert(wanted) == wanted {
        true => Ok(()),
        false => {
            let text = format!("access_log \"{}\" already defined with conflicting parameters", path.lossy());
            Err(Fault::new(text).at(path.span))
        }
    }
}

fn check_buffer(log: &AccessLog, path: &Word) -> Result<(), Fault> {
    let text = match (&log.target, log.buffer, log.flush) {
        (_, None, Some(_)) => format!("no buffer is defined for access_log \"{}\"", path.lossy()),
        (LogTarget::Template(_), Some(_), _) => "buffered logs cannot have variables in name".to_owned(),
        (LogTarget::Syslog(_), Some(_), _) => "logs to syslog cannot be buffered".to_owned(),
        _ => return Ok(()),
    };
    Err(Fault::new(text).at(path.span))
}

impl Value for ErrorLog {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "file [level]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let path = directive.arg(0);
        let target = match path.text.as_slice() {
            b"stderr" => LogTarget::Stderr,
            text if text.starts_with(b"memory:") => {
                return Err(Fault::new("nginx was built without debug support").at(path.span));
            }
            text => match text.strip_prefix(b"syslog:") {
                Some(arguments) => LogTarget::Syslog(syslog(arguments, path)?),
                None => LogTarget::File(cx.full_path(text)),
            },
        };
        Ok(ErrorLog { target, level: level(directive.args.get(1..).unwrap_or_default())? })
    }
}

const LEVELS: [(&str, Level); 8] = [
    ("emerg", Level::Emerg),
    ("alert", Level::Alert),
    ("crit", Level::Crit),
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("notice", Level::Notice),
    ("info", Level::Info),
    ("debug", Level::Debug),
];

/// Parts of the debug log; all of them are `debug` here.
const DEBUG_PARTS: [&str; 8] = [
    "debug_core",
    "debug_alloc",
    "debug_mutex",
    "debug_event",
    "debug_http",
    "debug_mail",
    "debug_stream",
    "debug_mysql",
];

fn level(words: &[Word]) -> Result<Level, Fault> {
    let mut found = None;
    for word in words {
        let name = word.lossy();
        let listed = LEVELS.iter().find(|(known, _)| *known == name).map(|(_, level)| *level);
        let part = DEBUG_PARTS.contains(&name.as_ref()).then_some(Level::Debug);
        let refused = |what: &str| Fault::new(format!("{what} log level \"{name}\"")).at(word.span);
        let help = "one of emerg, alert, crit, error, warn, notice, info, debug";
        let level = listed.or(part).ok_or_else(|| refused("invalid").help(help))?;
        if listed.is_some() && found.is_some() {
            return Err(refused("duplicate"));
        }
        found = Some(level);
    }
    Ok(found.unwrap_or_default())
}

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock", "authpriv", "ftp", "ntp",
    "audit", "alert", "cron", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"];

/// `server=…,facility=…,severity=…,tag=…,nohostname`
fn syslog(arguments: &[u8], word: &Word) -> Result<Syslog, Fault> {
    let arguments = String::from_utf8_lossy(arguments);
    let mut syslog = Syslog { facility: 23, severity: 6, tag: "nginx".to_owned(), ..Syslog::default() };
    let mut seen = Vec::new();
    for argument in arguments.split(',') {
        let (key, value) = argument.split_once('=').unwrap_or((argument, ""));
        if key != "nohostname" && seen.contains(&key) {
            return Err(Fault::new(format!("duplicate syslog \"{key}\"")).at(word.span));
        }
        seen.push(key);
        syslog_argument(&mut syslog, argument, key, value).map_err(|text| Fault::new(text).at(word.span))?;
    }
    match syslog.server.is_empty() {
        true => Err(Fault::new("no syslog server specified").at(word.span)),
        false => Ok(syslog),
    }
}

fn syslog_argument(syslog: &mut Syslog, argument: &str, key: &str, value: &str) -> Result<(), String> {
    let place = |list: &[&str], what: &str| {
        let found = list.iter().position(|known| *known == value).map(|at| at as u8);
        found.ok_or_else(|| format!("unknown syslog {what} \"{value}\""))
    };
    match key {
        "server" if argument.contains('=') => syslog.server = value.to_owned(),
        "facility" => syslog.facility = place(&FACILITIES, "facility")?,
        "severity" => syslog.severity = place(&SEVERITIES, "severity")?,
        "tag" if value.len() > 32 => return Err("syslog tag length exceeds 32".to_owned()),
        "tag" if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => {
            return Err("syslog \"tag\" only allows alphanumeric characters and underscore".to_owned());
        }
        "tag" => syslog.tag = value.to_owned(),
        "nohostname" if argument == key => syslog.nohostname = true,
        _ => return Err(format!("unknown syslog parameter \"{argument}\"")),
    }
    Ok(())
}
