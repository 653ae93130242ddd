//! A backend that does what a case says, and remembers what it was sent.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use socket2::SockRef;

use super::case::{End, Reply, Token, segments};
use super::message;
use super::text::escaped;

/// How long a request may come in pieces.
const PATIENCE: Duration = Duration::from_millis(250);
/// Between two segments.
pub const MOMENT: Duration = Duration::from_millis(3);

/// It lasts as long as the process.
#[derive(Debug)]
pub struct Backend {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    script: Mutex<Script>,
    busy: AtomicUsize,
}

#[derive(Debug, Default)]
struct Script {
    case: usize,
    replies: Vec<Reply>,
    received: Vec<String>,
    connections: Vec<TcpStream>,
}

impl Backend {
    /// Starts one.
    ///
    /// # Panics
    /// It cannot listen.
    pub fn start() -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared::default());
        let backend = Backend { port, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(stream));
            }
        });
        backend
    }

    /// A case begins.
    pub fn begin(&self, replies: &[Reply]) {
        let mut script = self.shared.script();
        script.case += 1;
        script.replies = replies.iter().rev().cloned().collect();
        script.received.clear();
    }

    /// Whether it has a request that it has not answered.
    pub fn is_busy(&self) -> bool {
        self.shared.busy.load(Ordering::SeqCst) > 0
    }

    /// The case is over: its connections end. What was received.
    pub fn finish(&self) -> Vec<String> {
        let mut script = self.shared.script();
        script.case += 1;
        for connection in script.connections.drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        std::mem::take(&mut script.received)
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let case = {
            let mut script = self.script();
            script.connections.push(stream.try_clone().ok()?);
            script.case
        };
        let mut kept = "";
        let mut left = Vec::new();
        loop {
            stream.set_read_timeout(None).ok()?;
            wait_for_more(&mut stream, &mut left)?;
            self.busy.fetch_add(1, Ordering::SeqCst);
            let end = self.answer(&mut stream, case, kept, &mut left);
            self.busy.fetch_sub(1, Ordering::SeqCst);
            end.filter(|end| *end == End::Keep)?;
            kept = "kept ";
        }
    }

    /// One request and its reply.
    fn answer(&self, stream: &mut TcpStream, case: usize, kept: &str, left: &mut Vec<u8>) -> Option<End> {
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let (text, whole) = request(stream, left);
        let reply = {
            let mut script = self.script();
            if script.case != case {
                return None;
            }
            script.received.push(format!("{kept}{text}"));
            script.replies.pop()
        };
        let reply = whole.then(|| reply.unwrap_or_else(plain))?;
        for segment in segments(&reply.tokens) {
            stream.write_all(&segment).ok()?;
            thread::sleep(MOMENT);
        }
        match reply.end {
            End::Keep => {}
            End::Close => stream.shutdown(Shutdown::Both).ok()?,
            End::Reset => SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).ok()?,
        }
        Some(reply.end)
    }
}

/// What is answered beyond the case.
fn plain() -> Reply {
    Reply { tokens: vec![Token::text("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")], end: End::Keep }
}

fn wait_for_more(stream: &mut TcpStream, left: &mut Vec<u8>) -> Option<()> {
    if !left.is_empty() {
        return Some(());
    }
    read(stream, left)
}

fn read(stream: &mut TcpStream, into: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 16 << 10];
    let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
    into.extend_from_slice(&buffer[..count]);
    Some(())
}

/// A request for people, and whether it was whole.
fn request(stream: &mut TcpStream, left: &mut Vec<u8>) -> (String, bool) {
    loop {
        if let Some(parted) = message::part(left) {
            let body = message::body(parted.head, parted.rest);
            let announced = ["content-length", "transfer-encoding"].map(|name| message::field(parted.head, name));
            let none = announced.iter().all(Option::is_none);
            if none || body.whole {
                let taken = if none { 0 } else { body.taken };
                let bytes = if none { &[][..] } else { &body.bytes };
                let text = shown(parted.head, bytes, &body.trailer);
                let used = parted.head.len() + taken;
                left.drain(..used);
                return (text, true);
            }
        }
        if read(stream, left).is_none() {
            let text = match message::part(left) {
                Some(parted) => shown(parted.head, &message::body(parted.head, parted.rest).bytes, b""),
                None => escaped(left),
            };
            return (format!("(not whole) {text}"), false);
        }
    }
}

fn shown(head: &[u8], body: &[u8], trailer: &[u8]) -> String {
    format!("{} body: {} {}", escaped(head), escaped(body), escaped(trailer))
}
