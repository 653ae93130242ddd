//! nginx's error log as its processes write it: `2026/11/23 06:10:12 [notice] 4665#4665: text`, to every file whose level
//! takes it, and to standard error while the program has not settled in.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write;
use std::net::{ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rkeep_parsers::nginx::log::ErrorLog;
use rkeep_parsers::table::value::{Level, LogTarget, Syslog};

use crate::sys::clock::LocalTime;

/// nginx cuts its lines here.
const LONGEST: usize = 2048;

/// Open log files by their path.
pub type Files = HashMap<PathBuf, Arc<File>>;

/// The `error_log`s of one level.
#[derive(Clone, Debug, Default)]
pub struct Log {
    sinks: Vec<(Level, Sink)>,
    echo: bool,
    copy: Option<Copied>,
}

/// Lines of errors, kept for somebody who waits for the outcome.
pub type Copied = Arc<Mutex<Vec<String>>>;

#[derive(Clone, Debug)]
enum Sink {
    Stderr,
    File(Arc<File>),
    Syslog(Arc<SyslogSink>),
}

impl Log {
    /// A log into one file.
    pub fn file(file: Arc<File>, level: Level) -> Self {
        Log { sinks: vec![(level, Sink::File(file))], ..Log::default() }
    }

    /// A log to standard error.
    pub fn stderr(level: Level) -> Self {
        Log { sinks: vec![(level, Sink::Stderr)], ..Log::default() }
    }

    /// The logs that a configuration names, of those files that are open.
    pub fn of(logs: &[ErrorLog], files: &Files) -> Self {
        let sinks = logs.iter().filter_map(|log| Some((log.level, Sink::of(&log.target, files)?)));
        Log { sinks: sinks.collect(), ..Log::default() }
    }

    /// With warnings and worse also written to standard error as `nginx: [emerg] text`, if said.
    #[must_use]
    pub fn echoing(self, echo: bool) -> Self {
        Log { echo, ..self }
    }

    /// Whether it does that.
    pub fn echoes(&self) -> bool {
        self.echo
    }

    /// With errors also kept there, if anywhere.
    #[must_use]
    pub fn copying(self, copy: Option<Copied>) -> Self {
        Log { copy, ..self }
    }

    /// Where errors are kept.
    pub fn copied(&self) -> Option<Copied> {
        self.copy.clone()
    }

    /// The first file, where standard error goes once the program has settled in.
    pub fn first_file(&self) -> Option<&Arc<File>> {
        self.sinks.iter().find_map(|(_, sink)| match sink {
            Sink::File(file) => Some(file),
            _ => None,
        })
    }

    /// Writes a line.
    pub fn write(&self, level: Level, text: &str) {
        let mut echoed = !self.echo || level > Level::Warn;
        let line = line(SystemTime::now(), level, text);
        for (_, sink) in self.sinks.iter().filter(|(least, _)| *least >= level) {
            echoed |= matches!(sink, Sink::Stderr);
            sink.write(level, &line, text);
        }
        if !echoed {
            echo(level, text);
        }
        if let Some(copy) = self.copy.as_ref().filter(|_| level <= Level::Error) {
            copy.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
        }
    }
}

/// Writes a line to standard error as nginx does before it has a log.
pub fn echo(level: Level, text: &str) {
    // A closed standard error is no error.
    let _ = std::io::stderr().write_all(format!("nginx: [{}] {text}\n", name(level)).as_bytes());
}

/// `TEXT (13: Permission denied)`, as nginx writes the error of a system call.
pub fn with_errno(text: &str, error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => format!("{text} ({number}: {})", errno_text(number)),
        None => format!("{text} ({error})"),
    }
}

/// The C library's words for an error number.
pub fn errno_text(number: i32) -> String {
    let text = std::io::Error::from_raw_os_error(number).to_string();
    text.rsplit_once(" (os error").map_or(text.clone(), |(words, _)| words.to_owned())
}

/// A level's name.
pub fn name(level: Level) -> &'static str {
    match level {
        Level::Emerg => "emerg",
        Level::Alert => "alert",
        Level::Crit => "crit",
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Notice => "notice",
        Level::Info => "info",
        Level::Debug => "debug",
    }
}

fn line(at: SystemTime, level: Level, text: &str) -> String {
    let LocalTime { year, month, day, hour, minute, second, .. } = LocalTime::at(at);
    let pid = std::process::id();
    let mut line = format!(
        "{year:04}/{month:02}/{day:02} {hour:02}:{minute:02}:{second:02} [{}] {pid}#{pid}: {text}",
        name(level)
    );
    line.truncate(line.floor_char_boundary(LONGEST - 1));
    line.push('\n');
    line
}

impl Sink {
    fn of(target: &LogTarget, files: &Files) -> Option<Self> {
        match target {
            LogTarget::Stderr => Some(Sink::Stderr),
            LogTarget::File(path) => files.get(path).cloned().map(Sink::File),
            LogTarget::Template(_) => None,
            LogTarget::Syslog(syslog) => SyslogSink::connect(syslog).map(|sink| Sink::Syslog(Arc::new(sink))),
        }
    }

    /// One write a line, so that lines of several processes do not mix. A log that cannot be written is nobody's to hear.
    fn write(&self, level: Level, line: &str, text: &str) {
        match self {
            Sink::Stderr => drop(std::io::stderr().write_all(line.as_bytes())),
            Sink::File(file) => drop((&**file).write_all(line.as_bytes())),
            Sink::Syslog(sink) => sink.write(level, text),
        }
    }
}

/// A syslog server that takes the error log.
#[derive(Debug)]
struct SyslogSink {
    socket: Socket,
    head: Syslog,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixDatagram),
    Udp(UdpSocket),
}

impl SyslogSink {
    fn connect(syslog: &Syslog) -> Option<Self> {
        let socket = match syslog.server.strip_prefix("unix:") {
            Some(path) => Socket::Unix(unix(Path::new(path))?),
            None => Socket::Udp(udp(&syslog.server)?),
        };
        Some(SyslogSink { socket, head: syslog.clone() })
    }

    fn write(&self, level: Level, text: &str) {
        let Syslog { facility, tag, nohostname, .. } = &self.head;
        let now = LocalTime::at(SystemTime::now());
        let (pid, severity) = (std::process::id(), (level as u8).saturating_sub(1).min(7));
        let LocalTime { day, hour, minute, second, .. } = now;
        let host = match nohostname {
            true => String::new(),
            false => format!("{} ", rustix::system::uname().nodename().to_string_lossy()),
        };
        let priority = u16::from(*facility) * 8 + u16::from(severity);
        let month = now.month_name();
        let line = format!(
            "<{priority}>{month} {day:2} {hour:02}:{minute:02}:{second:02} {host}{tag}: [{}] {pid}#{pid}: {text}",
            name(level)
        );
        let _ = match &self.socket {
            Socket::Unix(socket) => socket.send(line.as_bytes()),
            Socket::Udp(socket) => socket.send(line.as_bytes()),
        };
    }
}

fn unix(path: &Path) -> Option<UnixDatagram> {
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(path).ok()?;
    Some(socket)
}

fn udp(server: &str) -> Option<UdpSocket> {
    let with_port = format!("{server}:514");
    let address = server.to_socket_addrs().or_else(|_| with_port.to_socket_addrs()).ok()?.next()?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).ok()?;
    socket.set_nonblocking(true).ok()?;
    socket.connect(address).ok()?;
    Some(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_nginxs_head_and_is_cut_at_its_length() {
        let pid = std::process::id();
        let short = line(SystemTime::now(), Level::Notice, "start worker processes");
        assert!(short.ends_with(&format!(" [notice] {pid}#{pid}: start worker processes\n")), "{short}");
        assert_eq!(short.find(" ["), Some("2026/11/23 06:10:12".len()));
        assert_eq!(line(SystemTime::now(), Level::Warn, &"é".repeat(4000)).len(), LONGEST - 1);
    }

    #[test]
    fn errors_of_the_system_read_as_nginx_writes_them() {
        let error = std::io::Error::from_raw_os_error(libc::EADDRINUSE);
        assert_eq!(with_errno("bind() failed", &error), "bind() failed (98: Address already in use)");
    }

    #[test]
    fn a_sink_takes_its_level_and_worse() {
        let dir = std::env::temp_dir().join(format!("rkeep-log-{}", std::process::id()));
        let log = Log::file(Arc::new(File::create(&dir).unwrap()), Level::Error);
        log.write(Level::Error, "one");
        log.write(Level::Notice, "two");
        let text = std::fs::read_to_string(&dir).unwrap();
        std::fs::remove_file(&dir).unwrap();
        assert!(text.contains("[error]") && !text.contains("two"), "{text}");
    }
}
