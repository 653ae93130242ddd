//! HELO in EHLO's place, for servers that know no other (RFC 5321, 3.2): lettre says EHLO only.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connection whose first word is HELO, whatever is written.
#[derive(Debug)]
pub struct Helo {
    stream: TcpStream,
    written: usize,
}

impl Helo {
    /// Nothing has been said over the connection.
    pub fn new(stream: TcpStream) -> Self {
        Helo { stream, written: 0 }
    }

    fn corrected(&self, bytes: &[u8]) -> Vec<u8> {
        let correct = |(at, byte): (usize, &u8)| b"HELO".get(self.written + at).copied().unwrap_or(*byte);
        bytes.iter().enumerate().map(correct).collect()
    }
}

impl AsyncTokioStream for Helo {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl AsyncRead for Helo {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Helo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let bytes = self.corrected(bytes);
        let written = Pin::new(&mut self.stream).poll_write(cx, &bytes);
        if let Poll::Ready(Ok(count)) = written {
            self.written += count;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
