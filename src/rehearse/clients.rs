//! Clients that ask all the time, each with its own address: who got an answer when, and how long did nobody?

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;

use super::http::Target;
use super::{Node, Task, tls};

/// Between two requests of one client. They do not wait for each other, so this is how finely silence is measured.
pub const PACE: Duration = Duration::from_millis(25);
/// How long a client waits for an answer.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// No answer of a probe is larger.
const LARGEST: usize = 1 << 20;

/// What is asked for again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Where.
    pub at: SocketAddr,
    /// Whether by TLS.
    pub tls: bool,
    /// The `Host` of the request.
    pub host: String,
    /// Its path.
    pub path: String,
    /// The status by which nginx refuses what is asked too often, where the file bids it to.
    pub limited: Option<u16>,
}

impl Probe {
    /// Where it goes, for the patient client.
    pub fn target(&self) -> Target {
        Target { to: self.at, tls: self.tls, ..Target::new(self.at.ip()) }
    }

    /// Whether a client with that address can ask for it.
    pub fn is_for(&self, client: &IpAddr) -> bool {
        self.at.is_ipv4() == client.is_ipv4()
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which client has sent it.
    pub client: usize,
    /// When.
    pub sent: Instant,
    /// What came of it, and when; none while it is under way.
    pub answer: Option<(Instant, Answer)>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A status.
    Status(u16),
    /// The status of requests that come too often: somebody serves.
    Limited(u16),
    /// No whole answer.
    Broken(io::ErrorKind),
}

impl Answer {
    /// Whether somebody who could serve has answered.
    pub fn is_good(self) -> bool {
        matches!(self, Answer::Status(..500) | Answer::Limited(_))
    }
}

/// The clients. They end when this is dropped.
#[derive(Debug)]
pub struct Clients {
    log: Log,
    stop: Arc<AtomicBool>,
    task: Option<Task<io::Result<()>>>,
}

type Log = Arc<Mutex<Vec<Request>>>;

impl Clients {
    /// Clients in a node, one for each of its addresses with what it asks for.
    ///
    /// # Errors
    /// As [`Node::thread`].
    pub fn start(node: &Node, asking: Vec<(IpAddr, Probe)>) -> io::Result<Clients> {
        allow_many_files()?;
        let asking = asking.into_iter().map(Asking::new).collect::<io::Result<Vec<_>>>()?;
        let (log, stop) = (Log::default(), Arc::new(AtomicBool::new(false)));
        let (kept, end) = (Arc::clone(&log), Arc::clone(&stop));
        let task = node.thread(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let each = asking.iter().enumerate().map(|(client, asking)| ask_on(client, asking, &kept, &end));
                futures_util::future::join_all(each).await;
            });
            Ok(())
        })?;
        Ok(Clients { log, stop, task: Some(task) })
    }

    /// All requests so far, in the order in which they were sent.
    pub fn log(&self) -> Vec<Request> {
        self.log_from(0)
    }

    /// All from one on.
    pub fn log_from(&self, from: usize) -> Vec<Request> {
        locked(&self.log).get(from..).map(<[Request]>::to_vec).unwrap_or_default()
    }

    /// Whether every request sent before a moment has come to its end.
    pub fn settled(&self, before: Instant) -> bool {
        !locked(&self.log).iter().any(|request| request.sent < before && request.answer.is_none())
    }

    /// Whether each of so many clients has had a good answer to a request sent after a moment.
    pub fn served_since(&self, moment: Instant, clients: usize) -> bool {
        let log = locked(&self.log);
        let good =
            |request: &&Request| request.sent >= moment && request.answer.is_some_and(|(_, answer)| answer.is_good());
        let recent = || log.iter().rev().take_while(|request| request.sent >= moment);
        (0..clients).all(|client| recent().filter(good).any(|request| request.client == client))
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.task.take().map(Task::join);
    }
}

fn locked(log: &Log) -> std::sync::MutexGuard<'_, Vec<Request>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While nobody answers, requests wait side by side: more than the usual limit of open files.
fn allow_many_files() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum.or(limit.current);
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// The life of one client. A request that is late does not keep the next one back.
async fn ask_on(client: usize, asking: &Arc<Asking>, log: &Log, stop: &AtomicBool) {
    // Handshakes cost a machine that plays every role.
    let mut turn = tokio::time::interval(if asking.tls.is_some() { PACE * 2 } else { PACE });
    turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while !stop.load(Ordering::Relaxed) {
        turn.tick().await;
        let (asking, log) = (Arc::clone(asking), Arc::clone(log));
        tokio::spawn(async move {
            let number = enter(&log, client);
            let got = tokio::time::timeout(PATIENCE, asking.get()).await;
            let answer = match got.map_err(|_| io::Error::from(io::ErrorKind::TimedOut)).flatten() {
                Ok(status) if asking.probe.limited == Some(status) => Answer::Limited(status),
                Ok(status) => Answer::Status(status),
                Err(error) => Answer::Broken(error.kind()),
            };
            if let Some(request) = locked(&log).get_mut(number) {
                request.answer = Some((Instant::now(), answer));
            }
        });
    }
}

fn enter(log: &Log, client: usize) -> usize {
    let mut log = locked(log);
    log.push(Request { client, sent: Instant::now(), answer: None });
    log.len() - 1
}

/// What a client asks, from where, and by what.
struct Asking {
    from: IpAddr,
    probe: Probe,
    tls: Option<TlsConnector>,
}

impl Asking {
    fn new((from, probe): (IpAddr, Probe)) -> io::Result<Arc<Asking>> {
        let tls = probe.tls.then(tls::client).transpose()?.map(TlsConnector::from);
        Ok(Arc::new(Asking { from, probe, tls }))
    }

    /// One GET on a connection of its own.
    async fn get(&self) -> io::Result<u16> {
        let socket = if self.from.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.bind(SocketAddr::from((self.from, 0)))?;
        let stream = socket.connect(self.probe.at).await?;
        match &self.tls {
            None => self.ask(stream).await,
            Some(tls) => self.ask(tls.connect(tls::name(&self.probe.host)?, stream).await?).await,
        }
    }

    async fn ask(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<u16> {
        let Probe { host, path, .. } = &self.probe;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut reply = Vec::new();
        match stream.take(LARGEST as u64).read_to_end(&mut reply).await {
            // Whether an answer is whole says its length, not TLS' farewell.
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            _ => {}
        }
        status(&reply).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// The status of an answer that has come whole.
fn status(reply: &[u8]) -> Option<u16> {
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(reply.get(..end)?).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = super::http::header(head, "content-length").and_then(|length| length.parse::<usize>().ok());
    length.is_none_or(|length| reply.len() - end - 4 >= length).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_it_is_whole() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"), Some(200));
        assert_eq!(status(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), None);
        assert_eq!(status(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"), Some(502));
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), None);
        assert!(Answer::Status(404).is_good() && Answer::Limited(503).is_good() && !Answer::Status(502).is_good());
    }
}
