//! A real server for a client: the one the pool chooses, or the next when it cannot be reached. Nothing has been read
//! from the client by then, so nothing is lost by trying another.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::debug;

use super::Shared;

/// A real server that does not answer for so long is passed over: time for two SYNs to get lost.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A connection's place in the pool's counts; given back when dropped.
pub(super) struct Lease {
    pool: Shared,
    client: IpAddr,
    server: SocketAddr,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool.lock().release(self.client, self.server, Instant::now());
    }
}

/// A connection to a real server, none when no one can be reached.
pub(super) async fn dial(pool: &Shared, client: IpAddr) -> Option<(TcpStream, Lease)> {
    let mut tried = Vec::new();
    loop {
        let server = pool.lock().assign(client, &tried, Instant::now())?;
        let lease = Lease { pool: pool.clone(), client, server };
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(server)).await {
            Ok(Ok(stream)) => return Some((stream, lease)),
            Ok(Err(error)) => debug!("Real server {server} cannot be reached: {error}"),
            Err(_) => debug!("Real server {server} cannot be reached within {CONNECT_TIMEOUT:?}"),
        }
        tried.push(server);
    }
}
