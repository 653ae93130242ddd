//! error.log: levels, nginx's line, and where it goes.

use std::fmt::{Arguments, Write as _};
use std::io;
use std::sync::Arc;

use rkeep_parsers::table::value::Level;

use super::http::date;
use super::logfile::Target;
use super::request::RequestCtx;

/// All `error_log`s that hold at one place.
#[derive(Clone, Debug, Default)]
pub struct ErrorLogs {
    logs: Vec<(Level, Arc<Target>)>,
    /// The least level that anybody takes.
    least: Option<Level>,
}

impl ErrorLogs {
    /// Logs, each with the least level it takes.
    pub fn new(logs: Vec<(Level, Arc<Target>)>) -> Self {
        ErrorLogs { least: logs.iter().map(|(least, _)| *least).max(), logs }
    }

    /// Whether anybody takes this level.
    #[inline]
    pub fn wants(&self, level: Level) -> bool {
        self.least.is_some_and(|least| level <= least)
    }

    /// Writes a line; `text` begins with `*N ` where it is about a connection.
    pub fn write(&self, level: Level, text: &str) {
        if self.wants(level) {
            self.put(level, text, |least| level <= least);
        }
    }

    /// Writes a line to the logs whose least level is taken.
    fn put(&self, level: Level, text: &str, taken: impl Fn(Level) -> bool) {
        let name = crate::log::nginx::name(level);
        let pid = std::process::id();
        let line = format!("{} [{name}] {pid}#{pid}: {text}\n", date::error_log_time());
        for (least, target) in &self.logs {
            if taken(*least) {
                target.write_error(level, line.as_bytes());
            }
        }
    }
}

impl RequestCtx {
    /// Tells how the request goes on, for those who look for a fault: `error_log … debug`, `debug_connection`.
    #[inline]
    pub fn debug(&self, text: Arguments<'_>) {
        if self.conn.debug || self.location.error_logs.wants(Level::Debug) {
            self.put_debug(text);
        }
    }

    #[cold]
    fn put_debug(&self, text: Arguments<'_>) {
        let text = format!("*{} {text}", self.conn.number);
        self.location.error_logs.put(Level::Debug, &text, |least| self.conn.debug || least == Level::Debug);
    }

    /// Writes a line about this request.
    pub fn error(&self, level: Level, text: Arguments<'_>) {
        if self.location.error_logs.wants(level) {
            self.location.error_logs.write(level, &self.error_text(text, None));
        }
    }

    /// Writes a line about this request and what the system said: `text (111: Connection refused)`.
    pub fn error_io(&self, level: Level, error: &io::Error, text: Arguments<'_>) {
        if self.location.error_logs.wants(level) {
            self.location.error_logs.write(level, &self.error_text(text, Some(error)));
        }
    }

    fn error_text(&self, text: Arguments<'_>, error: Option<&io::Error>) -> String {
        let mut line = format!("*{} {text}", self.conn.number);
        if let Some(error) = error {
            let _ = write!(line, " ({})", os_error(error));
        }
        let _ = write!(line, "{}, client: {}", self.action, self.client_text());
        let _ = write!(line, ", server: {}", String::from_utf8_lossy(&self.server.name));
        if !self.head.line.is_empty() {
            let _ = write!(line, ", request: \"{}\"", String::from_utf8_lossy(&self.head.line));
        }
        if !self.upstream_url.is_empty() {
            let _ = write!(line, ", upstream: \"{}\"", String::from_utf8_lossy(&self.upstream_url));
        }
        if let Some(host) = self.head.fields.get(b"Host") {
            let _ = write!(line, ", host: \"{}\"", String::from_utf8_lossy(host));
        }
        if let Some(referrer) = self.head.fields.get(b"Referer") {
            let _ = write!(line, ", referrer: \"{}\"", String::from_utf8_lossy(referrer));
        }
        line
    }
}

/// A system error as nginx writes it: `111: Connection refused`.
pub fn os_error(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => {
            let text = error.to_string();
            let words = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text);
            format!("{code}: {words}")
        }
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_read_as_nginx_writes_them() {
        assert_eq!(os_error(&io::Error::from_raw_os_error(111)), "111: Connection refused");
    }
}
