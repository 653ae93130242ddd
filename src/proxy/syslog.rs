//! Log lines to a syslog server over UDP or a unix socket.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::OnceLock;

use rkeep_parsers::table::value::{Level, Syslog};

use super::http::date;

/// A syslog server.
#[derive(Debug)]
pub struct Sender {
    syslog: Syslog,
    to: To,
    socket: OnceLock<Option<Socket>>,
}

#[derive(Debug)]
enum To {
    Inet(SocketAddr),
    Unix(PathBuf),
}

#[derive(Debug)]
enum Socket {
    Inet(UdpSocket),
    Unix(UnixDatagram),
}

impl Sender {
    /// To the server of a log directive.
    ///
    /// # Errors
    /// The name cannot be resolved.
    pub fn new(syslog: &Syslog) -> Result<Sender, String> {
        let to = match syslog.server.strip_prefix("unix:") {
            Some(path) => To::Unix(path.into()),
            None => To::Inet(resolve(&syslog.server)?),
        };
        Ok(Sender { syslog: syslog.clone(), to, socket: OnceLock::new() })
    }

    /// syslog's number for a level of the error log.
    pub fn severity_of(level: Level) -> u8 {
        (level as u8).min(8).saturating_sub(1)
    }

    /// Sends a message; a server that does not take it loses it.
    pub fn send(&self, severity: u8, text: &[u8]) {
        let priority = u32::from(self.syslog.facility) * 8 + u32::from(severity);
        let host = if self.syslog.nohostname { String::new() } else { format!("{} ", hostname()) };
        let head = format!("<{priority}>{} {host}{}: ", date::syslog_time(), self.syslog.tag);
        let message = [head.as_bytes(), text].concat();
        let _ = match self.socket.get_or_init(|| self.open().ok()) {
            Some(Socket::Inet(socket)) => socket.send(&message),
            Some(Socket::Unix(socket)) => socket.send(&message),
            None => Ok(0),
        };
    }

    /// Sends a line of an access log at the severity of its directive.
    pub fn send_access(&self, text: &[u8]) {
        self.send(self.syslog.severity, text);
    }

    fn open(&self) -> io::Result<Socket> {
        match &self.to {
            To::Inet(to) => {
                let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(any)?;
                socket.connect(to)?;
                socket.set_nonblocking(true)?;
                Ok(Socket::Inet(socket))
            }
            To::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                socket.set_nonblocking(true)?;
                Ok(Socket::Unix(socket))
            }
        }
    }
}

fn resolve(server: &str) -> Result<SocketAddr, String> {
    let found = server.to_socket_addrs().or_else(|_| (server, 514).to_socket_addrs());
    found.ok().and_then(|mut all| all.next()).ok_or_else(|| format!("host not found in syslog server \"{server}\""))
}

/// The machine's name.
pub fn hostname() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}
