//! A small HTTP client for the nodes: blocking, from any of their addresses, by TLS or not, with every wait bounded.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};

use super::tls;

/// No answer of a test is larger.
const LARGEST: usize = 64 << 20;

/// Where requests go and where from.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The server.
    pub to: SocketAddr,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// The client's own address, where it has several.
    pub from: Option<IpAddr>,
    /// The longest wait for a connection, a read or a write.
    pub limit: Duration,
}

impl Target {
    /// A server on port 80, five seconds' patience.
    pub fn new(address: impl Into<IpAddr>) -> Target {
        Target { to: (address, 80).into(), tls: false, from: None, limit: Duration::from_secs(5) }
    }

    /// The same, asked from this address.
    pub fn from(self, address: impl Into<IpAddr>) -> Target {
        Target { from: Some(address.into()), ..self }
    }

    /// The same with this patience.
    pub fn limit(self, limit: Duration) -> Target {
        Target { limit, ..self }
    }

    /// A connection, in the network of the calling thread.
    ///
    /// # Errors
    /// It is refused or takes too long.
    pub fn connect(&self) -> io::Result<Connection> {
        self.connect_to("localhost")
    }

    /// The same to a host by name, which TLS asks for.
    ///
    /// # Errors
    /// It is refused or takes too long; the name is none.
    pub fn connect_to(&self, host: &str) -> io::Result<Connection> {
        let socket = Socket::new(Domain::for_address(self.to), Type::STREAM, None)?;
        if let Some(from) = self.from {
            socket.bind(&SocketAddr::from((from, 0)).into())?;
        }
        socket.connect_timeout(&self.to.into(), self.limit)?;
        socket.set_read_timeout(Some(self.limit))?;
        socket.set_write_timeout(Some(self.limit))?;
        socket.set_tcp_nodelay(true)?;
        let stream = match self.tls {
            false => Stream::Plain(socket.into()),
            true => {
                let session = ClientConnection::new(tls::client()?, tls::name(host)?).map_err(io::Error::other)?;
                Stream::Tls(Box::new(StreamOwned::new(session, socket.into())))
            }
        };
        Ok(Connection { stream, rest: Vec::new() })
    }

    /// One GET on a connection of its own.
    ///
    /// # Errors
    /// No connection or no whole answer.
    pub fn get(&self, path: &str) -> io::Result<Reply> {
        self.get_from("localhost", path)
    }

    /// The same of a host by name.
    ///
    /// # Errors
    /// No connection or no whole answer.
    pub fn get_from(&self, host: &str, path: &str) -> io::Result<Reply> {
        let mut connection = self.connect_to(host)?;
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
        connection.reply()
    }

    /// GETs, each on a connection of its own.
    pub fn get_many(&self, path: &str, count: usize) -> Tally {
        let mut tally = Tally::default();
        (0..count).for_each(|_| tally.add(self.get(path)));
        tally
    }

    /// GETs on one connection, as long as it lasts.
    pub fn get_kept(&self, path: &str, count: usize) -> Tally {
        let mut tally = Tally::default();
        let mut kept = self.connect();
        for _ in 0..count {
            let reply = match &mut kept {
                Ok(connection) => connection.get(path),
                Err(error) => Err(io::Error::from(error.kind())),
            };
            if !reply.as_ref().is_ok_and(|reply| !reply.closes) {
                kept = self.connect();
            }
            tally.add(reply);
        }
        tally
    }
}

/// Answers counted by what they said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often each body came with status 200, its blank ends cut.
    pub bodies: BTreeMap<String, usize>,
    /// How often what else came: a status, or the kind of an error.
    pub failures: BTreeMap<String, usize>,
}

impl Tally {
    /// Counts one more.
    pub fn add(&mut self, reply: io::Result<Reply>) {
        let count = match reply {
            Ok(reply) if reply.status == 200 => self.bodies.entry(reply.text().trim().to_owned()),
            Ok(reply) => self.failures.entry(reply.status.to_string()),
            Err(error) => self.failures.entry(format!("{:?}", error.kind())),
        };
        *count.or_default() += 1;
    }

    /// How often that body came.
    pub fn of(&self, body: &str) -> usize {
        self.bodies.get(body).copied().unwrap_or(0)
    }

    /// How many were no good answer.
    pub fn failed(&self) -> usize {
        self.failures.values().sum()
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its status code.
    pub status: u16,
    /// Its status line and header lines as they came.
    pub head: String,
    /// Its body, without chunk framing.
    pub body: Vec<u8>,
    /// Whether the server closes the connection after it.
    pub closes: bool,
}

impl Reply {
    /// The body as text, lossily.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header line of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    rest: Vec<u8>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref(),
        }
    }
}

impl Connection {
    /// Sends bytes.
    ///
    /// # Errors
    /// The connection is gone or stuck.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Whether the server has closed the connection, or sent something nobody asked for.
    pub fn is_closed(&mut self) -> bool {
        let silent = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        let socket = self.stream.socket();
        let looked = socket.set_nonblocking(true).and_then(|()| socket.peek(&mut [0]));
        let back = socket.set_nonblocking(false);
        !looked.is_err_and(silent) || back.is_err()
    }

    /// One GET with the connection kept.
    ///
    /// # Errors
    /// No whole answer came.
    pub fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes())?;
        self.reply()
    }

    /// Reads one answer to a request that was no HEAD.
    ///
    /// # Errors
    /// The connection ends before the answer does, or the answer is no HTTP/1.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let head = self.head()?;
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let length = header(&head, "content-length").and_then(|value| value.parse::<usize>().ok());
        let chunked = header(&head, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        let closes = header(&head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let body = match (status, chunked, length) {
            (100..200 | 204 | 304, ..) => Vec::new(),
            (_, true, _) => self.chunks()?,
            (_, false, Some(length)) => self.take(length)?,
            (_, false, None) => self.to_end()?,
        };
        Ok(Reply { status, head, body, closes: closes || (!chunked && length.is_none() && status >= 200) })
    }

    /// Reads until the server closes.
    ///
    /// # Errors
    /// It does not within the patience, or sends too much.
    pub fn to_end(&mut self) -> io::Result<Vec<u8>> {
        while self.more()? > 0 {}
        Ok(std::mem::take(&mut self.rest))
    }

    fn head(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") {
                return Ok(String::from_utf8_lossy(&self.take(end + 4)?).into_owned());
            }
            self.more_or_end()?;
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = usize::from_str_radix(line.split(';').next().unwrap_or("").trim(), 16)
                .map_err(|_| io::ErrorKind::InvalidData)?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size)?);
            self.take(2)?;
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.rest.windows(2).position(|two| two == b"\r\n") {
                let line = self.take(end + 2)?;
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.more_or_end()?;
        }
    }

    fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        if count > LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        while self.rest.len() < count {
            self.more_or_end()?;
        }
        let rest = self.rest.split_off(count);
        Ok(std::mem::replace(&mut self.rest, rest))
    }

    fn more_or_end(&mut self) -> io::Result<()> {
        if self.more()? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 << 10];
        let count = match &mut self.stream {
            Stream::Plain(stream) => stream.read(&mut buffer)?,
            Stream::Tls(stream) => stream.read(&mut buffer)?,
        };
        self.rest.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if self.rest.len() > LARGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(count) }
    }
}

pub(super) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
}
