//! Programs in nodes: started with their output captured, signalled, found by name.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process};

use super::Node;

/// How often a wait looks again.
const LOOK: Duration = Duration::from_millis(20);

/// A started process. Its node has one handle too: a process namespace ends only when all its processes are waited for.
pub(super) type Started = Arc<Mutex<Child>>;

/// A program that was started in a node. It is killed with its node, not by dropping this.
#[derive(Debug)]
pub struct Running {
    child: Started,
    stdout: File,
    stderr: File,
}

/// What a program that ended has left.
#[derive(Clone, Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// What it wrote, lossily as text.
    pub stdout: String,
    /// The same for its errors.
    pub stderr: String,
}

impl Ended {
    /// Its exit code, if it was not killed.
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }
}

/// A process of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its id on this machine.
    pub pid: Pid,
    /// Its id in the node: what pid files of the node say.
    pub inner: i32,
    /// Its name, as `pkill` compares it.
    pub name: String,
}

impl Node {
    /// Starts a program (an absolute path, or a name found in `PATH`) with its output captured.
    ///
    /// # Errors
    /// It cannot be executed.
    pub fn start<A: AsRef<OsStr>>(&self, argv: &[A]) -> io::Result<Running> {
        let argv: Vec<OsString> = argv.iter().map(|word| word.as_ref().to_owned()).collect();
        let running = self.within(move || {
            let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
            let (stdout, stderr) = (capture()?, capture()?);
            let child = Command::new(program)
                .args(arguments)
                .stdin(Stdio::null())
                .stdout(stdout.try_clone()?)
                .stderr(stderr.try_clone()?)
                .spawn()
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", Path::new(program).display())))?;
            Ok(Running { child: Arc::new(Mutex::new(child)), stdout, stderr })
        })?;
        self.keep(&running.child);
        Ok(running)
    }

    /// Runs a program to its end, which must come within a minute.
    ///
    /// # Errors
    /// It cannot be executed, or is killed because the minute is over.
    pub fn run<A: AsRef<OsStr>>(&self, argv: &[A]) -> io::Result<Ended> {
        self.start(argv)?.wait(Duration::from_secs(60))
    }

    /// Runs a shell command line to its end, as [`Node::run`].
    ///
    /// # Errors
    /// As [`Node::run`].
    pub fn shell(&self, line: &str) -> io::Result<Ended> {
        self.run(&["/bin/sh", "-c", line])
    }

    /// The node's processes but process 1.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn processes(&self) -> io::Result<Vec<Process>> {
        let space = process_space(self.init().as_raw_pid())?;
        let all = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
        let mut ours: Vec<_> = all
            .filter(|&pid| pid != self.init().as_raw_pid() && process_space(pid).is_ok_and(|other| other == space))
            .filter_map(describe)
            .collect();
        ours.sort_by_key(|process| process.inner);
        Ok(ours)
    }

    /// Sends a signal to all processes of that name, lowest id first, and says how many there were.
    ///
    /// # Errors
    /// As [`Node::processes`].
    pub fn signal_all(&self, name: &str, signal: Signal) -> io::Result<usize> {
        let named: Vec<_> = self.processes()?.into_iter().filter(|process| process.name == name).collect();
        for process in &named {
            // It may have ended meanwhile.
            let _ = kill_process(process.pid, signal);
        }
        Ok(named.len())
    }

    /// Sends a signal to the process that pid files of the node give by this id.
    ///
    /// # Errors
    /// There is none.
    pub fn signal_one(&self, inner: i32, signal: Signal) -> io::Result<()> {
        let found = self.processes()?.into_iter().find(|process| process.inner == inner);
        Ok(kill_process(found.ok_or(io::ErrorKind::NotFound)?.pid, signal)?)
    }

    /// Kills all processes of that name as a crash of all at once would: first they are frozen, so that none of them
    /// reacts to the end of another.
    ///
    /// # Errors
    /// As [`Node::processes`].
    pub fn crash(&self, name: &str) -> io::Result<usize> {
        self.signal_all(name, Signal::STOP)?;
        self.signal_all(name, Signal::KILL)
    }
}

impl Running {
    /// Its id on this machine.
    pub fn pid(&self) -> Option<Pid> {
        i32::try_from(locked(&self.child).id()).ok().and_then(Pid::from_raw)
    }

    /// Sends a signal to the process itself.
    ///
    /// # Errors
    /// It has ended and was waited for.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = self.pid().ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(pid, signal)?)
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// As [`Child::try_wait`].
    pub fn runs(&self) -> io::Result<bool> {
        Ok(locked(&self.child).try_wait()?.is_none())
    }

    /// What it has written to stdout so far.
    pub fn stdout(&self) -> String {
        written(&self.stdout)
    }

    /// What it has written to stderr so far.
    pub fn stderr(&self) -> String {
        written(&self.stderr)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// `TimedOut`, and then it is killed.
    pub fn wait(self, limit: Duration) -> io::Result<Ended> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = locked(&self.child).try_wait()? {
                return Ok(Ended { status, stdout: self.stdout(), stderr: self.stderr() });
            }
            if Instant::now() >= deadline {
                locked(&self.child).kill()?;
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("it ran on: {}", self.stderr())));
            }
            std::thread::sleep(LOOK);
        }
    }
}

pub(super) fn locked(child: &Started) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks again and again until the answer is yes, for at most that long. Says whether it ever was.
pub fn eventually(limit: Duration, mut question: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    while !question() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}

/// A file in memory that collects output.
fn capture() -> io::Result<File> {
    let file: File = memfd_create("output", MemfdFlags::CLOEXEC)?.into();
    // Whoever writes (a daemon has several processes) appends.
    rustix::fs::fcntl_setfl(&file, rustix::fs::OFlags::APPEND)?;
    Ok(file)
}

fn written(file: &File) -> String {
    // A descriptor of its own has an offset of its own.
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(file));
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|mut file| {
        file.rewind()?;
        file.read_to_end(&mut bytes)
    });
    read.map_or_else(|error| format!("(output cannot be read: {error})"), |_| String::from_utf8_lossy(&bytes).into())
}

/// Which process namespace a process lives in.
fn process_space(pid: i32) -> io::Result<std::path::PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/pid"))
}

/// Nothing for a process that has just ended.
fn describe(pid: i32) -> Option<Process> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let inner = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().last()?.parse().ok()?;
    Some(Process { pid: Pid::from_raw(pid)?, inner, name })
}
