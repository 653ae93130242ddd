//! Stub back ends: they answer every HTTP request with their own address, and take every connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;

use crate::rehearse::{Node, Task};

/// The largest head of a request that is read before the answer.
const LARGEST: usize = 64 << 10;

/// A stub. It ends when this is dropped.
#[derive(Debug)]
pub struct Stub {
    open: Option<watch::Sender<bool>>,
    task: Option<Task<io::Result<()>>>,
}

/// Where a stub listens.
#[derive(Clone, Debug)]
enum At {
    Inet(SocketAddrV4),
    Unix(PathBuf),
}

enum Listener {
    Inet(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Stub {
    /// Listens in a node: on that address, or on all where the node has it as a name only.
    ///
    /// # Errors
    /// The node has no such address, or somebody else listens there.
    pub fn inet(node: &Node, at: SocketAddrV4) -> io::Result<Stub> {
        let all = SocketAddrV4::new(Ipv4Addr::LOCALHOST, at.port());
        Stub::start(node, At::Inet(if at.ip().is_unspecified() { all } else { at }), at.to_string())
    }

    /// Listens on a socket in a node's file system.
    ///
    /// # Errors
    /// Its directory cannot be made.
    pub fn unix(node: &Node, path: &Path) -> io::Result<Stub> {
        Stub::start(node, At::Unix(path.to_owned()), format!("unix:{}", path.display()))
    }

    fn start(node: &Node, at: At, says: String) -> io::Result<Stub> {
        let (open, mut state) = watch::channel(true);
        let first = node.within({
            let at = at.clone();
            move || bind(&at)
        })?;
        let task = node.thread(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut listener = Some(first.into_tokio()?);
                loop {
                    tokio::select! {
                        stream = accept(listener.as_ref()) => {
                            // Whoever breaks off has failed for himself only.
                            tokio::spawn(answer(stream?, says.clone()));
                        }
                        changed = state.changed() => {
                            if changed.is_err() {
                                return Ok(());
                            }
                            let wanted = *state.borrow_and_update();
                            listener = if wanted { Some(bind(&at)?.into_tokio()?) } else { None };
                        }
                    }
                }
            })
        })?;
        Ok(Stub { open: Some(open), task: Some(task) })
    }

    /// Stops listening, or starts again.
    pub fn set_open(&self, wanted: bool) {
        if let Some(open) = &self.open {
            open.send_if_modified(|open| std::mem::replace(open, wanted) != wanted);
        }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.open = None;
        let _ = self.task.take().map(Task::join);
    }
}

/// A listener that no runtime knows yet.
enum Bound {
    Inet(TcpListener),
    Unix(UnixListener),
}

fn bind(at: &At) -> io::Result<Bound> {
    match at {
        At::Inet(address) => {
            let listener = TcpListener::bind(address)
                .map_err(|error| io::Error::new(error.kind(), format!("a stub for {address}: {error}")))?;
            listener.set_nonblocking(true)?;
            Ok(Bound::Inet(listener))
        }
        At::Unix(path) => {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            let listener = UnixListener::bind(path)?;
            listener.set_nonblocking(true)?;
            Ok(Bound::Unix(listener))
        }
    }
}

impl Bound {
    fn into_tokio(self) -> io::Result<Listener> {
        Ok(match self {
            Bound::Inet(listener) => Listener::Inet(tokio::net::TcpListener::from_std(listener)?),
            Bound::Unix(listener) => Listener::Unix(tokio::net::UnixListener::from_std(listener)?),
        })
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The next connection; never one of a listener that is away.
async fn accept(listener: Option<&Listener>) -> io::Result<Box<dyn Stream>> {
    match listener {
        Some(Listener::Inet(listener)) => Ok(Box::new(listener.accept().await?.0)),
        Some(Listener::Unix(listener)) => Ok(Box::new(listener.accept().await?.0)),
        None => std::future::pending().await,
    }
}

/// Answers each request whose head has come. Bodies are read as heads that never end, and not answered twice.
async fn answer(mut stream: Box<dyn Stream>, says: String) -> io::Result<()> {
    let mut head = Vec::new();
    let reply =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{says}\n", says.len() + 1);
    while head.len() < LARGEST {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if head.ends_with(b"\r\n\r\n") {
            stream.write_all(reply.as_bytes()).await?;
            if String::from_utf8_lossy(&head).to_ascii_lowercase().contains("\r\nconnection: close") {
                return Ok(());
            }
            head.clear();
        }
    }
    Ok(())
}
