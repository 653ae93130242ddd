//! Many clients in one box.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rkeep::rehearse::Node;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use super::Case;
use super::proxy::PORT;

/// Room in a slow client's own kernel: as little as there may be.
const LITTLE: usize = 4096;

/// Clients that stay until they are told to leave.
#[derive(Debug)]
pub struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// Brings clients.
    ///
    /// # Errors
    /// One is not served.
    pub fn gather(node: &Node, case: Case, clients: usize) -> io::Result<Crowd> {
        node.within(move || (0..clients).map(|_| client(case)).collect::<io::Result<_>>()).map(Crowd)
    }

    /// Lets all go.
    pub fn leave(self) {
        drop(self.0);
    }
}

fn client(case: Case) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if case == Case::Slow {
        socket.set_recv_buffer_size(LITTLE)?;
    }
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], PORT)).into())?;
    let mut client = TcpStream::from(socket);
    client.set_read_timeout(Some(Duration::from_secs(10)))?;
    let path = match case {
        Case::Idle => "/2",
        Case::Waiting => "/silent",
        Case::Slow => "/1048576",
    };
    // In one piece: each further one would wait for the acknowledgement of the last.
    let text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: hold/1.0\r\nAccept: */*\r\n\r\n");
    client.write_all(text.as_bytes())?;
    if case == Case::Idle {
        answer(&mut client)?;
    }
    Ok(client)
}

/// Reads an answer whose body is two bytes.
fn answer(client: &mut TcpStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while !bytes.ends_with(b"\r\n\r\nxx") {
        match client.read(&mut piece)? {
            0 => return Err(io::Error::other(String::from_utf8_lossy(&bytes).into_owned())),
            n => bytes.extend(piece.iter().take(n)),
        }
    }
    Ok(())
}

/// Lets this process open as many files as it may.
///
/// # Errors
/// Of setrlimit(2).
pub fn allow_many() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}
