//! One of the two proxies with everything around it: a port, a backend and a log for each lane.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, SystemTime};

use super::backend::Backend;
use super::case::Case;
use super::client;
use super::message;
use crate::proxy::{Proxy, free_port};

const HTTP: &str = include_str!("http.conf");
const SERVERS: &str = include_str!("locations.conf");

/// A proxy.
#[derive(Debug)]
pub struct Side {
    proxy: Proxy,
    lanes: Vec<Lane>,
}

/// What one case at a time goes through.
#[derive(Debug)]
pub struct Lane {
    front: u16,
    backend: Backend,
    log: PathBuf,
}

/// All that could be seen of a case from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What the client heard.
    pub answers: Vec<String>,
    /// When its connection was closed.
    pub closed: &'static str,
    /// What the backend received.
    pub received: Vec<String>,
    /// What was logged.
    pub logged: Vec<String>,
}

impl Side {
    /// Starts it with so many lanes. `level` is the nginx whose defaults hold.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(command: Command, name: &str, level: &str, lanes: usize) -> Side {
        let directory = std::env::temp_dir().join(format!("differ.{}.{name}", std::process::id()));
        let root = directory.join("root");
        files(&root);
        let lanes: Vec<Lane> = (0..lanes).map(|number| Lane::new(&directory, number)).collect();
        let servers: String = lanes.iter().enumerate().map(|(number, lane)| lane.servers(number, &root)).collect();
        let http = HTTP.replace("LEVEL", level).replace("DIRECTORY", &directory.to_string_lossy());
        let configuration = user() + &http.replace("SERVERS", &servers);
        let proxy = Proxy::start(command, &directory, &configuration, lanes[0].front);
        Side { proxy, lanes }
    }

    /// A lane.
    pub fn lane(&self, number: usize) -> &Lane {
        &self.lanes[number]
    }

    /// The proxy.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }
}

/// As root both stay root, since the directory is root's.
fn user() -> String {
    if rustix::process::getuid().is_root() { "user root root;\n".to_owned() } else { String::new() }
}

/// What is served from files: on both sides of the same age.
fn files(root: &Path) {
    std::fs::create_dir_all(root.join("t/dir")).expect("a directory");
    let big: String = (0..2000).map(|line| format!("line {line}\n")).collect();
    for (name, text) in
        [("index.html", "<p>index</p>\n"), ("a.txt", "abcdefghijklmnopqrstuvwxyz"), ("big.txt", &big), ("t/b.txt", "b")]
    {
        std::fs::write(root.join(name), text).expect("written");
        let file = File::options().write(true).open(root.join(name)).expect("just written");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).expect("set");
    }
}

impl Lane {
    fn new(directory: &Path, number: usize) -> Lane {
        let log = directory.join(format!("lane-{number}.log"));
        Lane { front: free_port(), backend: Backend::start(), log }
    }

    fn servers(&self, number: usize, root: &Path) -> String {
        SERVERS
            .replace("FRONT", &format!("127.0.0.1:{}", self.front))
            .replace("BACKEND", &format!("127.0.0.1:{}", self.backend.port))
            .replace("ROOT", &root.to_string_lossy())
            .replace("LOG", &self.log.to_string_lossy())
            .replace("NUMBER", &number.to_string())
    }

    /// Puts a case through.
    pub fn run(&self, case: &Case) -> Watched<'_> {
        let logged = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        self.backend.begin(&case.replies);
        let heard = client::converse(self.front, &case.client, &self.backend);
        let received = self.backend.finish();
        let named = |line: String| self.named(&line);
        let seen = Seen {
            answers: message::answers(&heard.bytes).into_iter().map(named).collect(),
            closed: heard.closed,
            received: received.into_iter().map(named).collect(),
            logged: Vec::new(),
        };
        Watched { lane: self, logged, seen }
    }

    /// What differs in any case.
    fn named(&self, line: &str) -> String {
        if line.starts_with("Date: ") {
            return "Date: now".to_owned();
        }
        let line = line.replace(&self.backend.port.to_string(), "BACKEND").replace(&self.front.to_string(), "FRONT");
        let line = without_boundary(&line);
        match line.split_once("nginx/1.") {
            Some((before, after)) => {
                format!("{before}nginx/1{}", after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'))
            }
            None => line,
        }
    }
}

/// The boundary between ranges is a number of twenty digits that each counts on its own.
fn without_boundary(line: &str) -> String {
    let pieces = line.split_inclusive(|c: char| !c.is_ascii_digit()).map(|piece| {
        let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
        if piece.len() - rest.len() == 20 { format!("BOUNDARY{rest}") } else { piece.to_owned() }
    });
    pieces.collect()
}

/// A case that is over but for its log lines, which may be late.
#[derive(Debug)]
pub struct Watched<'l> {
    lane: &'l Lane,
    logged: u64,
    seen: Seen,
}

impl Watched<'_> {
    /// What is logged by now, beside all else.
    pub fn seen(&mut self) -> &Seen {
        self.seen.logged = self.lines().unwrap_or_default();
        &self.seen
    }

    fn lines(&self) -> std::io::Result<Vec<String>> {
        let mut log = File::open(&self.lane.log)?;
        log.seek(SeekFrom::Start(self.logged))?;
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).lines().map(|line| self.lane.named(line)).collect())
    }
}

/// The same case through the same lane of both. Log lines may come a little later.
pub fn both(case: &Case, nginx: &Lane, rkeep: &Lane) -> (Seen, Seen) {
    thread::scope(|scope| {
        let other = scope.spawn(|| nginx.run(case));
        let mut ours = rkeep.run(case);
        let mut theirs = other.join().expect("a lane does not panic");
        for _ in 0..20 {
            if theirs.seen().logged == ours.seen().logged {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        (theirs.seen().clone(), ours.seen().clone())
    })
}
