//! The threads that carry connections, so that many of them do not delay the checks.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{Shared, dial, relay};

/// More threads do not help: the kernel does most of the work.
const MOST_THREADS: usize = 4;

/// A client's connection that wants a real server.
pub(super) struct Job {
    /// The client.
    pub client: TcpStream,
    /// Its address.
    pub peer: SocketAddr,
    /// Where real servers come from.
    pub pool: Shared,
    /// Its place among the connections that may be open.
    pub permit: OwnedSemaphorePermit,
}

impl Job {
    /// From dialling to the end of both directions.
    async fn run(self) {
        let Ok(client) = tokio::net::TcpStream::from_std(self.client) else { return };
        match dial::dial(&self.pool, self.peer.ip()).await {
            Some((server, _lease)) => relay::relay(&client, &server).await,
            None => relay::reset(&client),
        }
        drop(self.permit);
    }
}

/// The threads, each with its own runtime.
pub(super) struct Crew {
    hands: Vec<mpsc::UnboundedSender<Job>>,
    next: AtomicUsize,
}

impl Crew {
    /// One thread a processor, up to [`MOST_THREADS`]. They end when the crew is dropped.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        let hands = (0..threads).map(|_| hand()).collect::<io::Result<_>>()?;
        Ok(Crew { hands, next: AtomicUsize::new(0) })
    }

    /// Gives a connection to the next thread.
    pub fn take(&self, job: Job) {
        let next = self.next.fetch_add(1, Ordering::Relaxed) % self.hands.len().max(1);
        if let Some(hand) = self.hands.get(next) {
            // A thread only ends with the crew.
            let _ = hand.send(job);
        }
    }
}

fn hand() -> io::Result<mpsc::UnboundedSender<Job>> {
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let (send, mut jobs) = mpsc::unbounded_channel::<Job>();
    thread::Builder::new().name("forward".to_owned()).spawn(move || {
        runtime.block_on(async move {
            while let Some(job) = jobs.recv().await {
                tokio::spawn(job.run());
            }
        });
    })?;
    Ok(send)
}
