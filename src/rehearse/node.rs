//! A node: one box of the cluster, with its own network, files, host name and processes.

use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use rustix::process::{Pid, WaitOptions, waitpid};

use super::files::{self, Furnishing, Placed};
use super::program::{Started, locked};
use crate::sys::namespace;

type Job = Box<dyn FnOnce() + Send>;

/// One box. Dropping it ends everything that runs in it.
#[derive(Debug)]
pub struct Node {
    name: String,
    init: Pid,
    network: OwnedFd,
    /// Process 1 of the node reads from its other end, and ends with it.
    lifeline: Option<OwnedFd>,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<thread::JoinHandle<()>>,
    started: Mutex<Vec<Started>>,
}

impl Node {
    /// Makes a box with that host name, those lines in `/etc/hosts` and those programs in their places. Only its
    /// loopback interface exists.
    ///
    /// # Errors
    /// The process is not root, not even in a user namespace of its own (see [`namespace::become_root`]), or a program
    /// does not exist.
    pub fn new(name: &str, hosts: &str, programs: &[Placed]) -> io::Result<Node> {
        let furnishing = Furnishing { hosts: hosts.to_owned(), programs: programs.to_vec(), ..Furnishing::default() };
        Node::furnished(name, &furnishing)
    }

    /// Makes a box with more of its own. Only its loopback interface exists.
    ///
    /// # Errors
    /// As [`Node::new`].
    pub fn furnished(name: &str, furnishing: &Furnishing) -> io::Result<Node> {
        let (furnishing, host_name) = (furnishing.clone(), name.to_owned());
        let (jobs, inbox) = mpsc::channel::<Job>();
        let (born, birth) = mpsc::channel();
        let thread = thread::Builder::new().name(format!("node {name}")).spawn(move || {
            let made = found(&host_name, &furnishing);
            let failed = made.is_err();
            // The receiver waits for just this.
            let _ = born.send(made);
            if !failed {
                inbox.into_iter().for_each(|job| job());
            }
        })?;
        let (init, network, lifeline) = birth.recv().map_err(|_| gone(name))??;
        let name = name.to_owned();
        let (lifeline, jobs, thread) = (Some(lifeline), Some(jobs), Some(thread));
        Ok(Node { name, init, network, lifeline, jobs, thread, started: Mutex::default() })
    }

    /// Remembers a process to wait for at the end.
    pub(super) fn keep(&self, child: &Started) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that ended and were waited for need no more care.
        started.retain(|child| !matches!(locked(child).try_wait(), Ok(Some(_))));
        started.push(Arc::clone(child));
    }

    /// Its host name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Process 1 of the node, as this process sees it.
    pub fn init(&self) -> Pid {
        self.init
    }

    /// Its network namespace.
    pub fn network(&self) -> &OwnedFd {
        &self.network
    }

    /// Runs a closure in the node, on its own thread: files, sockets and started programs are the node's. The closure
    /// must not start threads.
    ///
    /// # Errors
    /// The closure's own.
    pub fn within<T: Send + 'static>(&self, job: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
        let (done, result) = mpsc::channel();
        let job: Job = Box::new(move || {
            let _ = done.send(catch_unwind(AssertUnwindSafe(job)));
        });
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(|| gone(&self.name))?;
        match result.recv().map_err(|_| gone(&self.name))? {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Runs a future in the node, like [`Node::within`].
    ///
    /// # Errors
    /// The future's own.
    pub fn within_async<T, F>(&self, job: impl FnOnce() -> F + Send + 'static) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = io::Result<T>>,
    {
        self.within(move || tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(job()))
    }

    /// Starts a thread that lives in the node's network (with this machine's files) beside everything else.
    ///
    /// # Errors
    /// No thread can be made, or it cannot enter the network.
    pub fn thread<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> io::Result<Task<T>> {
        let network = self.network.try_clone()?;
        let (entered, entry) = mpsc::channel();
        let handle = thread::Builder::new().name(format!("in {}", self.name)).spawn(move || {
            let result = namespace::enter_network(network);
            let there = result.is_ok();
            let _ = entered.send(result);
            there.then(job)
        })?;
        entry.recv().map_err(|_| gone(&self.name))??;
        Ok(Task(handle))
    }

    /// Reads a file of the node.
    ///
    /// # Errors
    /// As [`fs::read_to_string`].
    pub fn read(&self, path: impl Into<PathBuf>) -> io::Result<String> {
        let path = path.into();
        self.within(move || fs::read_to_string(path))
    }

    /// Writes a file of the node, making its directories.
    ///
    /// # Errors
    /// As [`fs::write`].
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> io::Result<()> {
        let (path, bytes) = (path.as_ref().to_owned(), bytes.into());
        self.within(move || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::write(path, bytes)
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.lifeline = None;
        self.jobs = None;
        // Process 1 ends now and its end kills all others, but it is only over when those we started are waited for.
        for child in self.started.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = locked(&child).wait();
        }
        let _ = waitpid(Some(self.init), WaitOptions::empty());
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}

/// A thread in a node's network.
#[derive(Debug)]
pub struct Task<T>(thread::JoinHandle<Option<T>>);

impl<T> Task<T> {
    /// Waits for its end and takes what it found. A panic of the thread goes on in the caller.
    ///
    /// # Errors
    /// It never entered its node.
    pub fn join(self) -> io::Result<T> {
        match self.0.join() {
            Ok(value) => value.ok_or_else(|| gone("of the thread")),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// What the node's own thread does first.
fn found(name: &str, furnishing: &Furnishing) -> io::Result<(Pid, OwnedFd, OwnedFd)> {
    namespace::leave_all()?;
    rustix::system::sethostname(name.as_bytes())?;
    files::make_private(furnishing)?;
    let network = namespace::this_network()?;
    let (theirs, ours) = UnixStream::pair()?;
    let init = namespace::spawn_init(&theirs.into())?;
    (&ours).read_exact(&mut [0])?;
    Ok((init, network, ours.into()))
}

fn gone(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, format!("node {name} is gone"))
}
