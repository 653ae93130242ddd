//! Where log lines go: files that can be reopened in place, standard error, syslog.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rkeep_parsers::table::value::{Level, LogTarget};

use super::accesslog::Buffers;
use super::syslog::Sender;

/// A log file of the engine. Its descriptor is replaced when logs are reopened.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    file: RwLock<Option<OwnedFd>>,
}

impl LogFile {
    /// Writes one line, whole; what the disk does not take is lost.
    pub fn write(&self, line: &[u8]) {
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = file.as_ref() {
            let _ = rustix::io::retry_on_intr(|| rustix::io::write(file, line));
        }
    }

    /// Takes a new descriptor.
    pub fn replace(&self, fd: OwnedFd) {
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = Some(fd);
    }
}

/// Where a log line goes.
#[derive(Debug)]
pub enum Target {
    /// Standard error.
    Stderr,
    /// A file.
    File(Arc<LogFile>),
    /// A syslog server.
    Syslog(Sender),
}

impl Target {
    /// Writes a line of an error log, its line feed included. Syslog takes it without the time.
    pub fn write_error(&self, level: Level, line: &[u8]) {
        match self {
            Target::Stderr => {
                let _ = rustix::io::retry_on_intr(|| rustix::io::write(rustix::stdio::stderr(), line));
            }
            Target::File(file) => file.write(line),
            Target::Syslog(sender) => {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                sender.send(Sender::severity_of(level), line);
            }
        }
    }
}

/// All log files of the engine by path: a file named in several places is open once, and lives on over reloads.
#[derive(Debug, Default)]
pub struct LogFiles {
    /// Buffers of access logs.
    pub buffers: Buffers,
    files: Mutex<HashMap<PathBuf, Arc<LogFile>>>,
}

impl LogFiles {
    /// Takes descriptors: new files are added, known ones replaced.
    pub fn take(&self, logs: HashMap<PathBuf, OwnedFd>) {
        for (path, fd) in logs {
            self.entry(&path).replace(fd);
        }
    }

    fn entry(&self, path: &Path) -> Arc<LogFile> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(LogFile { path: path.to_owned(), file: RwLock::new(None) });
        files.entry(path.to_owned()).or_insert_with(new).clone()
    }

    /// The file at a path, opened for appending unless it already is.
    ///
    /// # Errors
    /// Of open(2).
    pub fn open(&self, path: &Path) -> io::Result<Arc<LogFile>> {
        let entry = self.entry(path);
        let open = entry.file.read().unwrap_or_else(PoisonError::into_inner).is_some();
        if !open {
            let file = std::fs::OpenOptions::new().append(true).create(true).open(&entry.path)?;
            entry.replace(file.into());
        }
        Ok(entry)
    }

    /// The place that an `error_log` or a plain `access_log` names; none for paths with variables.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn target(&self, target: &LogTarget) -> Result<Option<Target>, String> {
        Ok(Some(match target {
            LogTarget::Stderr => Target::Stderr,
            LogTarget::Template(_) => return Ok(None),
            LogTarget::Syslog(syslog) => Target::Syslog(Sender::new(syslog)?),
            LogTarget::File(path) => {
                let file = self.open(path);
                Target::File(file.map_err(|error| {
                    format!("open() \"{}\" failed ({})", path.display(), super::errorlog::os_error(&error))
                })?)
            }
        }))
    }
}
