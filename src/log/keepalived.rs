//! keepalived's log: a tracing layer that prints an event's message, and nothing else, where keepalived would print it.
//!
//! What keepalived always says is `info!`; what it says only with `-D` is `debug!`. Both reach syslog as LOG_INFO, as
//! keepalived's do. `warn!` and `error!` are for what keepalived never had to say; they keep their severity.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

use crate::sys::clock::LocalTime;

/// LOG_DAEMON, where keepalived logs unless `-S` says otherwise.
pub const DAEMON: u8 = 3;

/// Where syslogd listens.
const DEV_LOG: &str = "/dev/log";

/// A log line is cut here, as no syslogd takes longer ones unharmed.
const LONGEST: usize = 2048;

/// What the command line says about logging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The process's name in syslog: `Keepalived`, `Keepalived_vrrp`, `Keepalived_healthcheckers` …
    pub ident: String,
    /// `-D`: say the details too.
    pub detail: bool,
    /// `-l`: write lines with their time to standard error.
    pub console: bool,
    /// The facility number for syslog (`-S`), none with `-G`.
    pub syslog: Option<u8>,
}

/// Makes this process log as keepalived does from now on. The first call in a process counts.
pub fn init(options: Options) {
    // Another subscriber is only there in tests, which then read their own.
    let _ = tracing::subscriber::set_global_default(Registry::default().with(KeepalivedLog::new(options)));
}

/// The layer.
#[derive(Debug)]
pub struct KeepalivedLog {
    options: Options,
    syslog: Mutex<Option<UnixDatagram>>,
}

impl KeepalivedLog {
    /// A layer that prints by `options`.
    pub fn new(options: Options) -> Self {
        KeepalivedLog { options, syslog: Mutex::new(None) }
    }

    /// Whether an event of ours at `level` is printed. Libraries' events never are.
    fn prints(&self, level: &Level, target: &str) -> bool {
        let ours = target == "rkeep" || target.starts_with("rkeep::");
        let most = if self.options.detail { Level::DEBUG } else { Level::INFO };
        ours && *level <= most
    }

    fn print(&self, level: &Level, text: &str) {
        let now = LocalTime::at(SystemTime::now());
        if self.options.console {
            // One write a line, so that lines of several processes do not mix. A closed standard error is no error.
            let _ = io::stderr().write_all(console_line(&now, text).as_bytes());
        }
        if let Some(facility) = self.options.syslog {
            let line = syslog_line(facility, level, &now, &self.options.ident, text);
            self.send(line.as_bytes());
        }
    }

    /// Hands a line to syslogd; connects anew when syslogd was restarted. A line that syslogd cannot take is dropped:
    /// nothing here may wait for it.
    fn send(&self, line: &[u8]) {
        let mut socket = self.syslog.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..2 {
            if socket.is_none() {
                *socket = connect().ok();
            }
            match socket.as_ref().map(|socket| socket.send(line)) {
                Some(Err(error)) if error.kind() != io::ErrorKind::WouldBlock => *socket = None,
                _ => return,
            }
        }
    }
}

impl<S: Subscriber> Layer<S> for KeepalivedLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if !self.prints(metadata.level(), metadata.target()) {
            return;
        }
        let mut message = Message::default();
        event.record(&mut message);
        self.print(metadata.level(), &message.text);
    }
}

fn connect() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(DEV_LOG)?;
    Ok(socket)
}

/// `Sun Nov 22 07:20:40 2026: text`, as with `-l`.
fn console_line(now: &LocalTime, text: &str) -> String {
    format!("{now}: {text}\n")
}

/// RFC 3164's form as the C library's syslog() writes it with LOG_PID.
fn syslog_line(facility: u8, level: &Level, now: &LocalTime, ident: &str, text: &str) -> String {
    let priority = facility << 3 | severity(level);
    let pid = std::process::id();
    let (month, day) = (now.month_name(), now.day);
    let (hour, minute, second) = (now.hour, now.minute, now.second);
    format!("<{priority}>{month} {day:2} {hour:02}:{minute:02}:{second:02} {ident}[{pid}]: {text}")
}

fn severity(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 3,
        Level::WARN => 4,
        _ => 6,
    }
}

/// An event's message: one line, cut at [`LONGEST`], control characters of whoever caused it made harmless.
#[derive(Default)]
struct Message {
    text: String,
}

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing into a String does not fail; Message's own limit does, and means what it says.
            let _ = write!(self, "{value:?}");
        }
    }
}

impl fmt::Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.text.len() + character.len_utf8() > LONGEST {
                return Err(fmt::Error);
            }
            self.text.push(if character.is_control() && character != '\t' { '?' } else { character });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: LocalTime =
        LocalTime { year: 2026, month: 11, day: 2, weekday: 1, hour: 12, minute: 0, second: 9, offset: 0 };

    fn options(detail: bool) -> Options {
        Options { ident: "Keepalived_vrrp".to_owned(), detail, console: true, syslog: Some(DAEMON) }
    }

    #[test]
    fn console_lines_carry_the_time() {
        assert_eq!(console_line(&NOON, "Stopping"), "Mon Nov  2 12:00:09 2026: Stopping\n");
    }

    #[test]
    fn syslog_lines_carry_priority_ident_and_pid() {
        let line = syslog_line(DAEMON, &Level::INFO, &NOON, "Keepalived_vrrp", "Stopping");
        let pid = std::process::id();
        assert_eq!(line, format!("<30>Nov  2 12:00:09 Keepalived_vrrp[{pid}]: Stopping"));
        assert!(syslog_line(23, &Level::DEBUG, &NOON, "x", "y").starts_with("<190>"));
    }

    #[test]
    fn details_only_when_asked_for_and_libraries_never() {
        let (terse, detailed) = (KeepalivedLog::new(options(false)), KeepalivedLog::new(options(true)));
        assert!(terse.prints(&Level::INFO, "rkeep::vrrp"));
        assert!(!terse.prints(&Level::DEBUG, "rkeep::vrrp"));
        assert!(detailed.prints(&Level::DEBUG, "rkeep::vrrp"));
        assert!(!detailed.prints(&Level::ERROR, "hyper::proto"));
        assert!(!detailed.prints(&Level::ERROR, "rkeeper"));
    }

    #[test]
    fn a_message_is_one_bounded_line() {
        let mut message = Message::default();
        let _ = write!(message, "a\nb\u{1b}c");
        assert_eq!(message.text, "a?b?c");
        let _ = write!(message, "{}", "x".repeat(5000));
        assert_eq!(message.text.len(), LONGEST);
    }
}
