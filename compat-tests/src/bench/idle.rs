//! What a connection costs that only waits: memory of the proxy for each, once it has been asked something.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rkeep::rehearse::tls;
use rustls::{ClientConnection, StreamOwned};

use super::case::DIRECT;

/// Connections that a holder holds: few enough for a usual limit of open files.
pub const HELD: usize = 400;
/// Written once all are there.
pub const DONE: &str = "/run/held";

/// Holds connections to a port, each of which has asked once, until it is killed.
///
/// # Errors
/// One of them is not answered.
pub fn hold(port: u16, done: &str) -> io::Result<()> {
    let held = (0..HELD).map(|_| asked(port)).collect::<io::Result<Vec<_>>>()?;
    fs::write(done, "")?;
    std::thread::sleep(Duration::from_secs(3600));
    drop(held);
    Ok(())
}

fn asked(port: u16) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let session = ClientConnection::new(tls::client()?, tls::name("localhost")?).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, TcpStream::connect(("127.0.0.1", port))?);
    write!(stream, "GET {DIRECT} HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut answer = [0; 1024];
    stream.read_exact(&mut answer)?;
    match answer.starts_with(b"HTTP/1.1 200 ") {
        true => Ok(stream),
        false => Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned())),
    }
}

/// Memory of a process and all below it that is shared with none, in bytes.
pub fn memory(pid: i32) -> u64 {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let lines = rollup.lines().filter_map(|line| line.strip_prefix("Private_Dirty:"));
    let own: u64 = lines.filter_map(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).sum();
    own * 1024 + super::cpu::below(pid).map(memory).sum::<u64>()
}
