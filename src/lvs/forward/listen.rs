//! Getting a virtual server's connections, on the box that holds its address and on the one that waits alike.
//!
//! Best is to let the kernel steer them to a port of ours ([`steer`](super::steer)): that needs no listener on the
//! address itself, so it stands beside any program that listens on the same port, now or later. Where the kernel cannot,
//! a listener on the address does, with `IP_FREEBIND` for the waiting box and `SO_REUSEPORT` beside wildcard listeners
//! that have it too.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{sleep, timeout};
use tracing::{debug, error, info};

use super::crew::Job;
use super::steer::{Guard, Steering};
use super::{Shared, Works};
use crate::sys::socket::{set_transparent, watch};

/// Connections that the kernel completes before they are accepted.
const BACKLOG: i32 = 4096;

/// Between two tries to listen, and after an accept that failed for lack of something.
const AGAIN: Duration = Duration::from_secs(2);

/// For so long after the kernel steers elsewhere, connections may still come that it had begun to let in.
const LAST: Duration = Duration::from_millis(200);

/// Serves one virtual server until aborted, or until all is to be closed.
pub(super) async fn serve(service: SocketAddr, pool: Shared, works: Works) {
    let mut closing = works.closing.subscribe();
    let (listener, guard) = tokio::select! {
        open = open_at_last(service, &works.steering) => open,
        _ = closing.wait_for(|closing| *closing) => return,
    };
    tokio::select! {
        () = accept(service, &listener, &pool, &works) => {}
        _ = closing.wait_for(|closing| *closing) => {}
    }
    drop(guard);
    let _ = timeout(LAST, accept(service, &listener, &pool, &works)).await;
}

/// Hands what comes to the crew while there is room.
pub(super) async fn accept(service: SocketAddr, listener: &AsyncFd<TcpListener>, pool: &Shared, works: &Works) {
    loop {
        let Ok(permit) = works.room.clone().acquire_owned().await else { return };
        match listener.async_io(Interest::READABLE, TcpListener::accept).await {
            Ok((client, peer)) => {
                if client.set_nonblocking(true).is_ok() {
                    works.crew.take(Job { client, peer, pool: pool.clone(), permit });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                error!("Virtual server {service} cannot accept: {error}");
                sleep(AGAIN).await;
            }
        }
    }
}

type Open = (AsyncFd<TcpListener>, Option<Guard>);

/// Opens the listener, however often that takes.
async fn open_at_last(service: SocketAddr, steering: &Arc<Steering>) -> Open {
    let mut told = false;
    loop {
        match open(service, steering) {
            Ok(open) => {
                if told {
                    info!("Virtual server {service} is served now");
                }
                return open;
            }
            Err(error) if !told => {
                told = true;
                error!("Virtual server {service} is not served yet: {error}; {}", advice(&error, service));
            }
            Err(_) => {}
        }
        sleep(AGAIN).await;
    }
}

pub(super) fn advice(error: &io::Error, service: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program listens on port {} of all addresses and the kernel has no nftables tproxy: \
             load the module nft_tproxy, or let that program listen on addresses other than {}",
            service.port(),
            service.ip()
        ),
        io::ErrorKind::PermissionDenied => "run as root or with CAP_NET_ADMIN and CAP_NET_BIND_SERVICE".to_owned(),
        _ => "trying again".to_owned(),
    }
}

fn open(service: SocketAddr, steering: &Arc<Steering>) -> io::Result<Open> {
    match steered(service, steering) {
        Ok((listener, guard)) => {
            debug!("Virtual server {service} is steered to {}", listener.get_ref().local_addr()?);
            Ok((listener, Some(guard)))
        }
        Err(error) => {
            debug!("Virtual server {service} cannot be steered ({error}); listening on it");
            Ok((direct(service)?, None))
        }
    }
}

/// A listener on a port of the loopback address to which the kernel steers.
fn steered(service: SocketAddr, steering: &Arc<Steering>) -> io::Result<(AsyncFd<TcpListener>, Guard)> {
    let socket = socket(service)?;
    set_transparent(&socket, service.is_ipv4())?;
    socket.bind(&steering.landing(service).into())?;
    let listener = listening(socket)?;
    let guard = steering.clone().steer(service, listener.get_ref().local_addr()?.port())?;
    Ok((listener, guard))
}

/// A listener on the address itself, whether this box has it now or not.
pub(super) fn direct(service: SocketAddr) -> io::Result<AsyncFd<TcpListener>> {
    let socket = socket(service)?;
    match service {
        SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
        SocketAddr::V6(_) => socket.set_freebind_v6(true)?,
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.bind(&service.into())?;
    listening(socket)
}

fn socket(service: SocketAddr) -> io::Result<Socket> {
    Socket::new(Domain::for_address(service), Type::STREAM.nonblocking(), Some(Protocol::TCP))
}

fn listening(socket: Socket) -> io::Result<AsyncFd<TcpListener>> {
    socket.listen(BACKLOG)?;
    watch(socket.into(), Interest::READABLE)
}
