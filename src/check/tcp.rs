//! `TCP_CHECK`: does a connection come about in time.

use std::io;
use std::net::SocketAddr;

use rkeep_parsers::ir::service::Check;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::service::Outcome;

/// Connects once, and closes again.
pub async fn probe(check: &Check) -> Outcome {
    let Ok(socket) = socket(check) else { return Outcome::Failed };
    match timeout(check.timeout, socket.connect(check.connect)).await {
        Ok(Ok(_)) => Outcome::Success,
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Outcome::Timeout,
        Ok(Err(_)) => Outcome::Failed,
        Err(_) => Outcome::Timeout,
    }
}

/// A socket bound as the check wants it.
fn socket(check: &Check) -> io::Result<TcpSocket> {
    let socket = Socket::new(Domain::for_address(check.connect), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if let Some(interface) = &check.bind_interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    if check.fwmark != 0 {
        socket.set_mark(check.fwmark)?;
    }
    if let Some(bind) = check.bind {
        bind_to(&socket, bind)?;
    }
    Ok(TcpSocket::from_std_stream(socket.into()))
}

/// With a port of its own the socket must get it although the last probe's connection still lingers.
fn bind_to(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    if address.port() != 0 {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())
}
