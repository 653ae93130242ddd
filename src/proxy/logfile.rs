//! Where log lines go: files that can be reopened in place, standard error, syslog.

use std::cell::RefCell;
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
    /// Writes lines, whole; what the disk does not take is lost.
    pub fn write(&self, lines: &[u8]) {
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = file.as_ref() {
            let _ = rustix::io::retry_on_intr(|| rustix::io::write(file, lines));
        }
    }

    /// Takes a new descriptor.
    pub fn replace(&self, fd: OwnedFd) {
        *self.file.write().unwrap_or_else(PoisonError::into_inner) = Some(fd);
    }
}

/// What is written of gathered lines at once: a pipe takes no more without cutting lines.
const AT_ONCE: usize = 4096;

/// Of how many files the memory for lines is kept.
const KEPT: usize = 8;

/// Lines of a thread's turn by file. They are written before the thread waits, so that many requests share a call.
#[derive(Debug, Default)]
struct Gathered(Vec<(Arc<LogFile>, Vec<u8>)>);

thread_local! {
    static GATHERED: RefCell<Gathered> = RefCell::default();
}

/// Writes a line together with others of this turn. Only for threads that call [`write_gathered`] before they wait.
pub fn gather(file: &Arc<LogFile>, line: &[u8]) {
    GATHERED.with_borrow_mut(|gathered| gathered.add(file, line));
}

/// Writes what this thread has gathered.
pub fn write_gathered() {
    GATHERED.with_borrow_mut(Gathered::write);
}

impl Gathered {
    fn add(&mut self, file: &Arc<LogFile>, line: &[u8]) {
        let Some((file, lines)) = self.0.iter_mut().find(|(known, _)| Arc::ptr_eq(known, file)) else {
            self.0.push((file.clone(), line.to_vec()));
            return;
        };
        if lines.len() + line.len() > AT_ONCE && !lines.is_empty() {
            file.write(lines);
            lines.clear();
        }
        lines.extend_from_slice(line);
    }

    fn write(&mut self) {
        for (file, lines) in self.0.iter_mut().filter(|(_, lines)| !lines.is_empty()) {
            file.write(lines);
            lines.clear();
        }
        self.0.truncate(KEPT);
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        self.write();
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
