//! A face that a supervisor runs: its process, and the socket over which it says how far it is.

use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bus::Role;
use crate::host::notify::{self, State};
use crate::host::patience::Patience;
use crate::host::pidfile;
use crate::sys::process;

/// Tells nginx's face to stay in the foreground whatever its file says.
pub const FOREGROUND: &str = "RKEEP_FOREGROUND";

/// What keepalived's children are known by.
const CHILDREN: [&str; 2] = ["/run/vrrp.pid", "/run/checkers.pid"];

/// How often it is looked whether they have stopped.
const LOOK: Duration = Duration::from_millis(50);

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// nginx
    Nginx,
    /// keepalived
    Keepalived,
}

impl Face {
    /// What it is called by.
    pub fn name(self) -> &'static str {
        match self {
            Face::Nginx => "nginx",
            Face::Keepalived => "keepalived",
        }
    }
}

/// A face and its process.
#[derive(Debug)]
pub struct Member {
    face: Face,
    args: Vec<OsString>,
    pid: Option<i32>,
    since: Instant,
    /// When it is to be started.
    due: Option<Instant>,
    patience: Patience,
    ready: bool,
    killed: bool,
    socket: Option<UnixDatagram>,
}

impl Member {
    /// A face that is to be started with these arguments.
    pub fn new(face: Face, args: Vec<OsString>) -> Self {
        let now = Instant::now();
        Member {
            face,
            args,
            pid: None,
            since: now,
            due: Some(now),
            patience: Patience::default(),
            ready: false,
            killed: false,
            socket: None,
        }
    }

    /// Which it is.
    pub fn face(&self) -> Face {
        self.face
    }

    /// Its process, as long as there is one.
    pub fn pid(&self) -> Option<i32> {
        self.pid
    }

    /// When it is to be started, if it is.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Readable when it has said something.
    pub fn socket(&self) -> Option<&UnixDatagram> {
        self.socket.as_ref()
    }

    /// Whether it has said that it is up.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether it does not run and is not to be started.
    pub fn has_ended(&self) -> bool {
        self.pid.is_none() && self.due.is_none()
    }

    /// Starts it. keepalived waits until what its dead parent has left behind has stopped.
    ///
    /// # Errors
    /// Those of making its socket and executing it.
    pub fn start(&mut self) -> io::Result<()> {
        if self.killed && self.face == Face::Keepalived && CHILDREN.iter().any(|file| pidfile::is_alive(file.as_ref()))
        {
            self.due = Some(Instant::now() + LOOK);
            return Ok(());
        }
        let name = format!("rkeep-run-{}-{}", std::process::id(), self.face.name());
        if self.socket.is_none() {
            let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
            socket.set_nonblocking(true)?;
            self.socket = Some(socket);
        }
        let mut command = Command::new("/proc/self/exe");
        command.arg0(self.face.name()).args(&self.args).env(FOREGROUND, "1");
        command.env(notify::SOCKET, format!("@{name}"));
        process::with_no_signal_blocked(&mut command);
        self.pid = Some(command.spawn()?.id() as i32);
        (self.since, self.due) = (Instant::now(), None);
        Ok(())
    }

    /// Its process has ended.
    pub fn bury(&mut self) {
        (self.pid, self.ready) = (None, false);
    }

    /// It is to be started again, later each time it does not live long.
    pub fn start_later(&mut self) {
        self.killed = true;
        let role = if self.face == Face::Nginx { Role::Master } else { Role::Parent };
        self.due = Some(Instant::now() + self.patience.again(role, self.since.elapsed()).delay);
    }

    /// It is not to be started any more.
    pub fn forget_start(&mut self) {
        self.due = None;
    }

    /// Signals its process.
    pub fn signal(&self, signal: i32) {
        if let Some(pid) = self.pid {
            // Its end is noticed as any other.
            let _ = process::signal(pid, signal);
        }
    }

    /// What it has said since the last time.
    pub fn hear(&mut self) -> Vec<State> {
        let Some(socket) = &self.socket else { return Vec::new() };
        let mut said = Vec::new();
        let mut bytes = [0; 512];
        while let Ok(count) = socket.recv(&mut bytes) {
            said.extend(notify::states(&String::from_utf8_lossy(bytes.get(..count).unwrap_or_default())));
        }
        for state in &said {
            match state {
                State::Ready => self.ready = true,
                State::Reloading => self.ready = false,
                State::MainPid(pid) => self.pid = Some(*pid),
                State::Stopping => {}
            }
        }
        said
    }
}
