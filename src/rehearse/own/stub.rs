//! Stub back ends: they take every connection and answer every request with their own address, in whichever of HTTP,
//! HTTP by TLS and FastCGI it comes.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::authority::Authority;
use super::fastcgi;
use crate::rehearse::{Node, Task};

/// The largest head of a request that is read before the answer.
const LARGEST: usize = 64 << 10;
/// With this byte begins a connection by TLS.
const HANDSHAKE: u8 = 22;

/// What all stubs of a rehearsal have in common: they show one certificate.
#[derive(Clone)]
pub struct Stubs(TlsAcceptor);

/// A stub. It ends when this is dropped.
#[derive(Debug)]
pub struct Stub {
    open: Option<watch::Sender<bool>>,
    task: Option<Task<io::Result<()>>>,
}

/// Where a stub listens.
#[derive(Clone, Debug)]
enum At {
    Inet(SocketAddr),
    Unix(PathBuf),
}

enum Listener {
    Inet(tokio::net::TcpListener),
    Unix(tokio::net::UnixListener),
}

impl Stubs {
    /// Stubs whose certificate has these names.
    ///
    /// # Errors
    /// The library's.
    pub fn new(authority: &Authority, names: &[String]) -> io::Result<Stubs> {
        let (chain, key) = authority.identity(names)?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(io::Error::other)?;
        Ok(Stubs(TlsAcceptor::from(Arc::new(config))))
    }

    /// Listens in a node: on that address, or on the node's own where it has it as a name only.
    ///
    /// # Errors
    /// The node has no such address, or somebody else listens there.
    pub fn inet(&self, node: &Node, at: SocketAddr) -> io::Result<Stub> {
        let own = match at {
            SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST, at.port()).into(),
            SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST, at.port()).into(),
        };
        self.start(node, At::Inet(if at.ip().is_unspecified() { own } else { at }), at.to_string())
    }

    /// Listens on a socket in a node's file system.
    ///
    /// # Errors
    /// Its directory cannot be made.
    pub fn unix(&self, node: &Node, path: &Path) -> io::Result<Stub> {
        self.start(node, At::Unix(path.to_owned()), format!("unix:{}", path.display()))
    }

    fn start(&self, node: &Node, at: At, says: String) -> io::Result<Stub> {
        let (open, mut state) = watch::channel(true);
        let first = node.within({
            let at = at.clone();
            move || bind(&at)
        })?;
        let tls = self.0.clone();
        let task = node.thread(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut listener = Some(first.into_tokio()?);
                loop {
                    tokio::select! {
                        stream = accept(listener.as_ref()) => {
                            // Whoever breaks off has failed for himself only.
                            tokio::spawn(serve(stream?, tls.clone(), says.clone()));
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
}

impl std::fmt::Debug for Stubs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stubs")
    }
}

impl Stub {
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

/// What a stub reads from and writes to.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// The next connection; never one of a listener that is away.
async fn accept(listener: Option<&Listener>) -> io::Result<Box<dyn Stream>> {
    match listener {
        Some(Listener::Inet(listener)) => Ok(Box::new(listener.accept().await?.0)),
        Some(Listener::Unix(listener)) => Ok(Box::new(listener.accept().await?.0)),
        None => std::future::pending().await,
    }
}

/// The first byte tells what is spoken.
async fn serve(mut stream: Box<dyn Stream>, tls: TlsAcceptor, says: String) -> io::Result<()> {
    let first = stream.read_u8().await?;
    let stream = Begun { first: Some(first), rest: stream };
    match first {
        HANDSHAKE => answer(tls.accept(stream).await?, &says).await,
        fastcgi::VERSION => fastcgi::answer(stream, &says).await,
        _ => answer(stream, &says).await,
    }
}

/// Answers each request whose head has come. Bodies are read as heads that never end, and not answered twice.
async fn answer(mut stream: impl Stream, says: &str) -> io::Result<()> {
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
            stream.flush().await?;
            if String::from_utf8_lossy(&head).to_ascii_lowercase().contains("\r\nconnection: close") {
                return stream.shutdown().await;
            }
            head.clear();
        }
    }
    Ok(())
}

/// A connection whose first byte has been looked at.
struct Begun {
    first: Option<u8>,
    rest: Box<dyn Stream>,
}

impl AsyncRead for Begun {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.first.take() {
            Some(first) if buffer.remaining() > 0 => {
                buffer.put_slice(&[first]);
                Poll::Ready(Ok(()))
            }
            first => {
                self.first = first;
                Pin::new(&mut self.rest).poll_read(cx, buffer)
            }
        }
    }
}

impl AsyncWrite for Begun {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_shutdown(cx)
    }
}
