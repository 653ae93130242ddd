//! The engine over real sockets: what clients see, reload in place, draining.

mod cached;
mod joined;
mod slow;

use std::collections::HashMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rkeep_parsers::ir::http::Address;
use rkeep_parsers::lower::nginx;
use rkeep_parsers::source::MapLoader;
use rkeep_parsers::table::Compat;

use super::engine::Engine;
use crate::plan::{self, ProxyPlan};

/// A directory that goes with the test.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Dir {
        let dir = std::env::temp_dir().join(format!("rkeep-{}-{name}", std::process::id()));
        fs::create_dir_all(&dir).expect("a directory");
        Dir(dir)
    }

    /// Names of all files below.
    fn files(&self) -> Vec<String> {
        let mut left = vec![self.0.clone()];
        let mut files = Vec::new();
        while let Some(dir) = left.pop() {
            for entry in fs::read_dir(dir).expect("readable").flatten() {
                match entry.path() {
                    path if path.is_dir() => left.push(path),
                    path => files.push(path.file_name().expect("a name").to_string_lossy().into_owned()),
                }
            }
        }
        files
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An engine that serves one address of the loopback.
struct Bench {
    engine: Engine,
    listener: TcpListener,
    address: SocketAddr,
    /// What stands before the server.
    http: String,
}

impl Bench {
    fn new(server: &str) -> Bench {
        Bench::with("", server)
    }

    /// `http` stands before the server; `SELF` is its own address.
    fn with(http: &str, server: &str) -> Bench {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let bench = Bench { engine: Engine::start(1), listener, address, http: http.to_owned() };
        bench.apply(server, None);
        bench
    }

    fn plan(&self, server: &str) -> ProxyPlan {
        let (http, address) = (&self.http, self.address.to_string());
        let server = server.replace("SELF", &address);
        let text = format!(
            "error_log stderr emerg; events {{}} http {{ access_log off; {http} server {{ listen {address}; {server} }} }}"
        );
        let loader = MapLoader::default().file("/c/nginx.conf", text);
        let loaded = nginx::load(Path::new("/c/nginx.conf"), Path::new("/c"), None, &loader, Compat::default());
        let ir = loaded.ir.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        plan::cut(ir).proxy
    }

    fn apply(&self, server: &str, drained: Option<super::engine::Done>) {
        let socket = self.listener.try_clone().expect("a descriptor").into();
        let sockets = vec![(Address::Inet(self.address), socket, None)];
        self.engine.apply(self.plan(server), sockets, HashMap::new(), drained).expect("a plan that can be served");
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the engine listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream
    }

    /// The body of an answer.
    fn body(&self, uri: &str) -> String {
        let answer = self.ask(&format!("GET {uri} HTTP/1.0\r\nHost: a\r\n\r\n"));
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).expect("a head")
    }

    /// Sends all and reads until the engine closes.
    fn ask(&self, request: &str) -> String {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("answered and closed");
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// Reads one answer whose body ends with `end`.
fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    let mut piece = [0; 1024];
    while !answer.ends_with(end.as_bytes()) {
        let got = stream.read(&mut piece).expect("an answer");
        assert_ne!(got, 0, "closed after {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(piece.get(..got).unwrap_or_default());
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn the_head_has_nginxs_order() {
    let bench = Bench::new("location / { return 200 ok; add_header X-A b; }");
    let answer = bench.ask("GET / HTTP/1.0\r\n\r\n");
    let names: Vec<_> = answer.lines().skip(1).map_while(|line| line.split_once(": ")).map(|(name, _)| name).collect();
    assert_eq!(names, ["Server", "Date", "Content-Type", "Content-Length", "Connection", "X-A"]);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
}

#[test]
fn an_if_without_a_backend_after_one_with_it_has_none() {
    let bench = Bench::new("location / { if ($arg_a) { proxy_pass http://127.0.0.1:1; } if ($arg_b) { set $x 1; } }");
    for (uri, status) in [("/?a=1", "502"), ("/?a=1&b=1", "500"), ("/?b=1", "404")] {
        let answer = bench.ask(&format!("GET {uri} HTTP/1.0\r\n\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{uri}: {answer}");
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let bench = Bench::new("location / { return 200 \"[$request_uri]\"; }");
    let answer = bench.ask(
        "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\nHost: a\r\n\r\n\
         POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\nGET /4 HTTP/1.0\r\n\r\n",
    );
    let bodies: Vec<_> = answer.match_indices('[').filter_map(|(at, _)| answer.get(at..at + 4)).collect();
    assert_eq!(bodies, ["[/1]", "[/2]", "[/3]", "[/4]"]);
}

#[test]
fn refused_heads_close_the_connection() {
    let bench = Bench::new("location / { return 200 ok; }");
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/3.0\r\n\r\n", "505 HTTP Version Not Supported"),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405 Not Allowed"),
        ("GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", "501 Not Implemented"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = bench.ask(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request:?}: {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
    }
}

#[test]
fn an_idle_connection_meets_the_new_configuration() {
    let bench = Bench::new("location / { return 200 old; }");
    let mut stream = bench.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    assert!(read_until(&mut stream, "old").contains("Connection: keep-alive"));
    let (drained, told) = mpsc::channel();
    bench.apply("location / { return 200 new; }", Some(Box::new(move || drained.send(()).expect("somebody waits"))));
    told.recv_timeout(Duration::from_secs(10)).expect("nothing holds the old configuration");
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    read_until(&mut stream, "new");
}

#[test]
fn draining_closes_what_is_idle() {
    let bench = Bench::new("location / { return 200 ok; }");
    let mut stream = bench.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    read_until(&mut stream, "ok");
    let (done, told) = mpsc::channel();
    bench.engine.drain(Box::new(move || done.send(()).expect("somebody waits")));
    assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
    told.recv_timeout(Duration::from_secs(10)).expect("all connections have ended");
    assert_eq!(bench.engine.stats().active, 0);
}

#[test]
fn draining_answers_who_asks_again_at_once() {
    let bench = Bench::new("location / { return 200 ok; }");
    let mut stream = bench.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    assert!(read_until(&mut stream, "ok").contains("Connection: keep-alive"));
    let told = drain_with_one(&bench);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    assert!(read_until(&mut stream, "ok").contains("Connection: close"));
    assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
    told.recv_timeout(Duration::from_secs(10)).expect("all connections have ended");
}

/// Lets the engine drain once it has accepted a connection.
fn drain_with_one(bench: &Bench) -> mpsc::Receiver<()> {
    while bench.engine.stats().active == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (done, told) = mpsc::channel();
    bench.engine.drain(Box::new(move || done.send(()).expect("somebody waits")));
    // Long enough for it to close what it would.
    std::thread::sleep(Duration::from_millis(100));
    told
}

#[test]
fn draining_serves_who_has_only_just_come() {
    for server in ["location / { return 200 ok; }", "http2 on; location / { return 200 ok; }"] {
        let bench = Bench::new(server);
        let mut stream = bench.connect();
        let told = drain_with_one(&bench);
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        assert!(read_until(&mut stream, "ok").contains("Connection: close"));
        assert_eq!(stream.read(&mut [0]).expect("the end"), 0);
        told.recv_timeout(Duration::from_secs(10)).expect("all connections have ended");
    }
}

#[test]
fn draining_answers_http2_until_the_client_knows() {
    use super::h2::frame::{self, PREFACE, flag, kind};
    let request = |id| {
        let mut out = Vec::new();
        frame::headers(&mut out, id, b"\x82\x84\x86\x41\x01a", true, 100);
        out
    };
    let bench = Bench::new("http2 on; location / { return 200 ok; }");
    let mut stream = bench.connect();
    let told = drain_with_one(&bench);
    let mut hello = PREFACE.to_vec();
    frame::settings(&mut hello, &[]);
    stream.write_all(&[hello, request(1)].concat()).expect("sent");
    let mut frames = vec![frame(&mut stream).expect("a frame")];
    while frames.last().is_some_and(|(kind, ..)| *kind != kind::PING) {
        frames.push(frame(&mut stream).expect("a frame"));
    }
    let mut answer = Vec::new();
    frame::head(&mut answer, 8, kind::PING, flag::ACK, 0);
    answer.extend(frames.last().map(|(.., payload)| payload.clone()).unwrap_or_default());
    stream.write_all(&[request(3), answer].concat()).expect("sent");
    frames.extend(std::iter::from_fn(|| frame(&mut stream)));
    let bodies = frames.iter().filter(|(kind, _, payload)| *kind == kind::DATA && payload == b"ok");
    assert_eq!(bodies.map(|(_, stream, _)| *stream).collect::<Vec<_>>(), [1, 3]);
    let ends = frames.iter().filter(|(kind, ..)| *kind == kind::GOAWAY);
    let last = |payload: &[u8]| payload.first_chunk().map(|first| u32::from_be_bytes(*first));
    assert_eq!(ends.map(|(.., payload)| last(payload)).collect::<Vec<_>>(), [Some(0x7fff_ffff), Some(3)]);
    drop(stream);
    told.recv_timeout(Duration::from_secs(10)).expect("all connections have ended");
}

/// The next frame: its kind, its stream and what it carries; none at the end.
fn frame(stream: &mut TcpStream) -> Option<(u8, u32, Vec<u8>)> {
    let mut head = [0; super::h2::frame::HEAD];
    stream.read_exact(&mut head).ok()?;
    let head = super::h2::frame::Head::read(&head)?;
    let mut payload = vec![0; head.len];
    stream.read_exact(&mut payload).ok()?;
    Some((head.kind, head.stream, payload))
}
