//! What connections hold: memory of the proxy for each of many that are idle, that wait for a backend, or whose clients
//! are slow, beside nginx and haproxy with the same of them.
//!
//! Each proxy runs alone in a box, with one worker, and is asked a little before it is looked at, so that what it holds
//! anyway is not counted.

mod crowd;
mod proxy;

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use rkeep::rehearse::{Node, Placed, Running, eventually};
use rustix::process::Signal;

use crate::{bench, resident};
use crowd::Crowd;
use proxy::{PORT, PROXIES, Proxy};

/// Where the program that measures is in the box: it is the backend, too.
const BACKEND: &str = "/usr/local/bin/hold";
/// Where files of proxies lie whose clients are slow: a file system of its own, so that it tells how many bytes they are.
const TEMP: &str = "/run/temp";
const PATIENCE: Duration = Duration::from_secs(60);

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// They have been answered and may ask again.
    Idle,
    /// They have asked what a backend does not answer.
    Waiting,
    /// They have asked for a megabyte and read nothing of it.
    Slow,
}

impl Case {
    /// All, by the names that command lines know.
    pub const ALL: [(&'static str, Case); 3] = [("idle", Case::Idle), ("waiting", Case::Waiting), ("slow", Case::Slow)];

    /// How many clients there are.
    fn clients(self) -> usize {
        if self == Case::Slow { 2000 } else { 9000 }
    }

    fn text(self) -> &'static str {
        match self {
            Case::Idle => "idle, kept alive",
            Case::Waiting => "proxied, waiting for the backend",
            Case::Slow => "proxied, 1 MB for a client that does not read",
        }
    }
}

/// What one proxy holds.
#[derive(Clone, Debug)]
pub struct Row {
    case: Case,
    proxy: &'static str,
    /// Resident KiB before, with all clients, and after they have left.
    resident: [usize; 3],
    /// Bytes in files.
    files: usize,
}

impl Row {
    /// Bytes of memory for each client.
    pub fn bytes(&self) -> usize {
        let [before, during, _] = self.resident;
        during.saturating_sub(before) * 1024 / self.case.clients()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, clients, [before, during, after]) = (self.case.text(), self.case.clients(), self.resident);
        let files = self.files / clients;
        write!(f, "| {clients} {what} | {} | {} | {files} | {before} {during} {after} |", self.proxy, self.bytes())
    }
}

/// What stands above the rows.
pub const HEAD: &str = "| clients | proxy | bytes of memory each | bytes of files each | KiB before, with them, after |
|---|---|---|---|---|";

/// Measures, and tells each row once it is known.
///
/// # Errors
/// The box or a proxy does not come up, or clients are not served.
pub fn run(rkeep: &Path, cases: &[Case], mut tell: impl FnMut(&Row)) -> io::Result<()> {
    crowd::allow_many()?;
    for case in cases {
        for proxy in &PROXIES {
            tell(&measure(rkeep, *case, proxy)?);
        }
    }
    Ok(())
}

fn measure(rkeep: &Path, case: Case, proxy: &Proxy) -> io::Result<Row> {
    let placed = |from: &Path, to: &str| Placed { from: from.to_owned(), to: to.into() };
    let programs = [placed(rkeep, "/usr/local/sbin/rkeep"), placed(&std::env::current_exe()?, BACKEND)];
    let node = Node::new("hold", "127.0.0.1 localhost\n", &programs)?;
    let made = node.shell(&format!(
        "ip link set lo up && mkdir -p {TEMP} && mount -t tmpfs none {TEMP} && \
         echo 10000 65535 >/proc/sys/net/ipv4/ip_local_port_range"
    ))?;
    if made.code() != Some(0) {
        return Err(io::Error::other(made.stderr));
    }
    let _backend = start(&node, &[BACKEND, "--backend"], proxy::BACKEND_PORT)?;
    node.write(proxy.file, (proxy.conf)())?;
    let running = start(&node, proxy.command, PORT)?;
    Crowd::gather(&node, case, 20)?.leave();
    std::thread::sleep(Duration::from_secs(1));
    let before = resident::of(&node, proxy.process)?;
    let crowd = Crowd::gather(&node, case, case.clients())?;
    let during = settled(&node, proxy)?;
    let files = in_files(&node)?;
    crowd.leave();
    std::thread::sleep(Duration::from_secs(2));
    let after = resident::of(&node, proxy.process)?;
    running.signal(Signal::TERM)?;
    Ok(Row { case, proxy: proxy.name, resident: [before, during, after], files })
}

fn start(node: &Node, words: &[&str], port: u16) -> io::Result<Running> {
    let running = node.start(words)?;
    let listens = || node.within(move || std::net::TcpStream::connect(("127.0.0.1", port))).is_ok();
    match eventually(PATIENCE, listens) {
        true => Ok(running),
        false => Err(io::Error::other(format!("{} does not listen: {}", words.join(" "), running.stderr()))),
    }
}

/// Resident KiB once they stay the same.
fn settled(node: &Node, proxy: &Proxy) -> io::Result<usize> {
    let mut last = (resident::of(node, proxy.process)?, in_files(node)?);
    for _ in 0..PATIENCE.as_secs() {
        std::thread::sleep(Duration::from_secs(1));
        let now = (resident::of(node, proxy.process)?, in_files(node)?);
        if now.0.abs_diff(last.0) < 64 && now.1 == last.1 {
            return Ok(now.0);
        }
        last = now;
    }
    Ok(last.0)
}

/// Bytes in temporary files, those without a name too.
fn in_files(node: &Node) -> io::Result<usize> {
    let said = node.shell(&format!("df -B1 --output=used {TEMP} | tail -1"))?.stdout;
    said.trim().parse().map_err(|_| io::Error::other(said))
}

/// The backend: what is asked for comes at once on one port and never on another.
///
/// # Errors
/// It cannot listen.
pub fn backend() -> io::Result<()> {
    crowd::allow_many()?;
    let silent = std::net::TcpListener::bind(("127.0.0.1", proxy::SILENT_PORT))?;
    std::thread::spawn(move || silent.incoming().collect::<Vec<_>>());
    bench::backend::serve(proxy::BACKEND_PORT)
}
