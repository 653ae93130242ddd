//! The client of a case: it sends, listens, and then asks whether the connection is still good for a request.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::backend::{Backend, MOMENT};
use super::case::{Token, segments};
use super::message::find;

/// So long nothing comes, and nothing will.
const QUIET: Duration = Duration::from_millis(12);
/// So long an end that was announced is waited for.
const ANNOUNCED: Duration = Duration::from_millis(100);
/// The longest that an answer takes.
const PATIENCE: Duration = Duration::from_millis(1500);
/// So long the last request may take; then the client's end is closed.
const LAST: Duration = Duration::from_millis(600);
const PROBE: &[u8] = b"GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// All of it.
    pub bytes: Vec<u8>,
    /// When the connection was closed.
    pub closed: &'static str,
}

/// Has a conversation.
pub fn converse(port: u16, tokens: &[Token], backend: &Backend) -> Heard {
    let mut heard = Heard { bytes: Vec::new(), closed: "at once" };
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return heard };
    let _ = stream.set_nodelay(true);
    let mut first = true;
    for segment in segments(tokens) {
        if !std::mem::take(&mut first) {
            thread::sleep(MOMENT);
        }
        let _ = stream.write_all(&segment);
    }
    if heard.listen(&mut stream, QUIET, || backend.is_busy()) {
        return heard;
    }
    if find(&heard.bytes, b"Connection: close").is_some() && heard.listen(&mut stream, ANNOUNCED, || false) {
        return heard;
    }
    heard.closed = "after another request";
    let _ = stream.write_all(PROBE);
    if heard.listen(&mut stream, LAST, || backend.is_busy()) {
        return heard;
    }
    heard.closed = "after its client";
    let _ = stream.shutdown(Shutdown::Write);
    if !heard.listen(&mut stream, PATIENCE, || false) {
        heard.closed = "never";
    }
    heard
}

impl Heard {
    /// Listens until it is quiet or all is said. Whether the other end is closed.
    fn listen(&mut self, stream: &mut TcpStream, quiet: Duration, more_to_come: impl Fn() -> bool) -> bool {
        let begun = Instant::now();
        let mut buffer = [0; 64 << 10];
        let _ = stream.set_read_timeout(Some(quiet));
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(count) => self.bytes.extend_from_slice(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if !more_to_come() || begun.elapsed() > PATIENCE {
                        return false;
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
    }
}
