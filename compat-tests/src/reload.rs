//! Reloads twice a second while clients ask on kept connections and WebSockets are open: does a request fail, is a
//! WebSocket cut, does memory grow?

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rkeep::rehearse::{Node, Subject, eventually};
use rustix::process::Signal;

use crate::resident;

const EVERY: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 64;
const SOCKETS: usize = 5;
/// The proxy that is reloaded, and the server behind it, which is not.
const PORTS: [u16; 2] = [80, 8080];
/// Where WebSockets end.
const ECHO: u16 = 9000;

/// What has come of it.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// How often it was reloaded.
    pub reloads: usize,
    /// Requests that were answered.
    pub requests: u64,
    /// What the load says of failures.
    pub failures: Vec<String>,
    /// Messages that came back by WebSockets.
    pub messages: usize,
    /// What became of WebSockets that were cut.
    pub cut: Vec<String>,
    /// Resident KiB of the proxy after a fifth of the time, and at the end.
    pub resident: [usize; 2],
}

impl Sums {
    /// What of the promise does not hold.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = self.failures.clone();
        broken.extend(self.cut.iter().map(|why| format!("a WebSocket was cut: {why}")));
        let [early, late] = self.resident;
        // A few megabytes more are an allocator's habit, not a leak.
        if late > early + early / 10 + 4096 {
            broken.push(format!("memory grew from {early} to {late} KiB"));
        }
        broken
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [early, late] = self.resident;
        writeln!(f, "{} reloads, {} requests, failures: {:?}", self.reloads, self.requests, self.failures)?;
        writeln!(f, "{} messages by WebSockets, cut: {:?}", self.messages, self.cut)?;
        write!(f, "memory {early} KiB after a fifth of the time, {late} KiB at the end")
    }
}

/// Runs it for that long.
///
/// # Errors
/// The box does not come up, or a reload is refused.
pub fn run(subject: &Subject, time: Duration) -> io::Result<Sums> {
    let node = box_of(subject)?;
    let (wrk, stop) = (wrk(&node, time)?, Arc::new(AtomicBool::new(false)));
    let sockets = (0..SOCKETS).map(|_| {
        let stop = stop.clone();
        node.thread(move || talk(&stop))
    });
    let sockets = sockets.collect::<io::Result<Vec<_>>>()?;
    let mut sums = Sums::default();
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::thread::sleep(EVERY);
        reload(&node)?;
        sums.reloads += 1;
        if sums.resident[0] == 0 && end.saturating_duration_since(Instant::now()) < time * 4 / 5 {
            sums.resident[0] = memory(&node)?;
        }
    }
    let said = wrk.wait(PATIENCE + time)?.stdout;
    stop.store(true, Ordering::Relaxed);
    for socket in sockets {
        match socket.join()? {
            Ok(messages) => sums.messages += messages,
            Err(error) => sums.cut.push(error.to_string()),
        }
    }
    sums.resident[1] = memory(&node)?;
    sums.requests = said.lines().find_map(|line| line.split_once(" requests in ")?.0.trim().parse().ok()).unwrap_or(0);
    let bad = said.lines().filter(|line| line.contains("Socket errors") || line.contains("Non-2xx"));
    sums.failures = bad.map(|line| line.trim().to_owned()).collect();
    Ok(sums)
}

/// A box with the proxy, a server behind it, and where WebSockets end.
fn box_of(subject: &Subject) -> io::Result<Node> {
    let node = Node::new("web", "127.0.0.1 localhost\n", &[subject.as_nginx()])?;
    node.shell("ip link set lo up")?;
    node.write("/usr/local/nginx/conf/front.conf", conf("front", FRONT))?;
    node.write("/usr/local/nginx/conf/back.conf", conf("back", BACK))?;
    let echo = node.within(|| TcpListener::bind(("127.0.0.1", ECHO)))?;
    // It ends with this process.
    std::thread::spawn(move || {
        echo.incoming().flatten().for_each(|client| drop(std::thread::spawn(|| echo_all(client))))
    });
    for (name, port) in ["front", "back"].into_iter().zip(PORTS) {
        let ended = node.shell(&format!("/usr/local/nginx/sbin/nginx -p /usr/local/nginx -c conf/{name}.conf"))?;
        let up = || node.within(move || TcpStream::connect(("127.0.0.1", port))).is_ok();
        if ended.code() != Some(0) || !eventually(PATIENCE, up) {
            return Err(io::Error::other(format!("{name} does not start: {}", ended.stderr)));
        }
    }
    Ok(node)
}

const FRONT: &str = "
    upstream back { server 127.0.0.1:8080; keepalive 64; }
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    server {
        listen 80;
        proxy_http_version 1.1;
        proxy_set_header Connection $connection_upgrade;
        proxy_set_header Upgrade $http_upgrade;
        location / { proxy_pass http://back; }
        location /ws { proxy_pass http://127.0.0.1:9000; }
    }";

const BACK: &str = "
    keepalive_requests 1000000000;
    server { listen 8080; return 200 something; }";

fn conf(name: &str, http: &str) -> String {
    format!(
        "user root root;\nworker_processes 2;\nerror_log logs/{name}.log warn;\npid logs/{name}.pid;\nevents {{}}\n\
         http {{\n    access_log logs/{name}.access.log;{http}\n}}\n"
    )
}

fn reload(node: &Node) -> io::Result<()> {
    let pid = node.read("/usr/local/nginx/logs/front.pid")?;
    node.signal_one(pid.trim().parse().map_err(io::Error::other)?, Signal::HUP)
}

fn wrk(node: &Node, time: Duration) -> io::Result<rkeep::rehearse::Running> {
    let (connections, time) = (CONNECTIONS.to_string(), format!("{}s", time.as_secs()));
    node.start(&["wrk", "-t", "1", "-c", &connections, "-d", &time, "http://127.0.0.1/"])
}

/// Of the proxy and the server behind it, which stays as it is.
fn memory(node: &Node) -> io::Result<usize> {
    resident::of(node, "nginx")
}

/// A WebSocket: messages until told to stop; each must come back. Returns how many did.
fn talk(stop: &AtomicBool) -> io::Result<usize> {
    let mut socket = TcpStream::connect(("127.0.0.1", PORTS[0]))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
          Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )?;
    let head = head(&mut socket)?;
    if !head.starts_with("HTTP/1.1 101 ") {
        return Err(io::Error::other(head));
    }
    let mut messages = 0;
    while !stop.load(Ordering::Relaxed) {
        let (sent, mut back) = (format!("{messages:8}"), [0; 8]);
        socket.write_all(sent.as_bytes())?;
        socket.read_exact(&mut back)?;
        if back != sent.as_bytes() {
            return Err(io::Error::other("another message came back"));
        }
        messages += 1;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(messages)
}

/// The other end of a WebSocket: what comes goes back.
fn echo_all(mut client: TcpStream) -> io::Result<u64> {
    head(&mut client)?;
    client.write_all(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")?;
    let mut back = client.try_clone()?;
    io::copy(&mut client, &mut back)
}

/// A head, byte by byte, so that nothing behind it is taken.
fn head(socket: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
