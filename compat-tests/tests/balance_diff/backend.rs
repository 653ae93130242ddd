//! Servers that do to each request what its case says.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rkeep_compat_tests::proxy::free_port;

use super::case::{Case, Fault};

/// Servers that answer; the port behind theirs refuses.
const SERVERS: usize = 5;

/// All of them. They last as long as the test's process.
pub struct Backends;

impl Backends {
    /// Free ports: one for each server, and one where nobody listens.
    pub fn ports() -> Vec<u16> {
        std::iter::repeat_with(free_port).take(SERVERS + 1).collect()
    }

    /// Starts them.
    pub fn start(ports: &[u16], cases: &[Case]) -> Backends {
        let cases: Arc<[Case]> = cases.into();
        for (server, port) in ports.iter().take(SERVERS).enumerate() {
            let listener = TcpListener::bind(("127.0.0.1", *port)).expect("still free");
            let cases = Arc::clone(&cases);
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let cases = Arc::clone(&cases);
                    thread::spawn(move || serve(stream, server, &cases));
                }
            });
        }
        Backends
    }
}

/// Serves one request.
fn serve(mut stream: TcpStream, server: usize, cases: &[Case]) -> Option<()> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => head.extend_from_slice(&buffer[..n]),
            _ => return None,
        }
    }
    let text = String::from_utf8_lossy(&head);
    let path = text.split(' ').nth(1)?.split('?').next()?;
    let mut numbers = path.split('/').skip(1).map(|number| number.parse::<usize>());
    let (case, request) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let answer = match cases.get(case)?.fault(server, request) {
        Some(Fault::Close) => return None,
        Some(Fault::Silence) => {
            thread::sleep(Duration::from_millis(800));
            return None;
        }
        Some(Fault::BadHeader) => "HTTP/1.1 200 OK\r\nno good: header\r\n\r\n".to_owned(),
        Some(Fault::Status(status)) => format!("HTTP/1.1 {status} No\r\nContent-Length: 2\r\n\r\nno"),
        None => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned(),
    };
    stream.write_all(answer.as_bytes()).ok()
}
