//! The handshake with a backend.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::task::Poll;

use rkeep_parsers::ir::http::Address;
use rkeep_parsers::table::value::Level;
use rustls::pki_types::CertificateDer;

use super::backend::{Backend, Client, Interrupted, poll_interrupt};
use super::receive::{Failed, interrupted};
use super::trouble::Trouble;
use crate::proxy::clock;
use crate::proxy::io::Stream;
use crate::proxy::request::{RequestCtx, Status};
use crate::proxy::tls::TlsStream;
use crate::proxy::tls::client::{self, ClientContext};

/// Encrypts a new connection to a backend.
///
/// # Errors
/// [`Failed`]; the log says why.
pub async fn secure(
    cx: &mut RequestCtx,
    context: &ClientContext,
    backend: Box<Backend>,
    host: &[u8],
    watch: Client,
) -> Result<Box<Backend>, Failed> {
    cx.action = " while SSL handshaking to upstream";
    let name = client::name(cx, &cx.conf().proxy_ssl, host);
    let session = context.session(cx, &name, ip(&backend.address)).map_err(|why| {
        cx.error(Level::Error, format_args!("{why}"));
        Failed::Request(Status(500))
    })?;
    let Backend { stream, address, since, requests, cached } = *backend;
    let tls = TlsStream::new(stream);
    tls.begin(session, Vec::new());
    shake(cx, &tls, watch).await?;
    let shown = tls.with(|tls| tls.peer_certificates().map(<[_]>::to_vec)).flatten().unwrap_or_default();
    let shown: Vec<CertificateDer<'_>> = shown;
    if let Err(why) = context.judge(&shown, &name) {
        cx.error(Level::Error, format_args!("{why}"));
        return Err(Failed::Try(Trouble::Error));
    }
    Ok(Box::new(Backend { stream: Stream::Tls(Box::new(tls)), address, since, requests, cached }))
}

fn ip(address: &Address) -> Option<IpAddr> {
    match address {
        Address::Inet(address) => Some(address.ip()),
        Address::Unix(_) => None,
    }
}

async fn shake(cx: &mut RequestCtx, tls: &TlsStream, watch: Client) -> Result<(), Failed> {
    let deadline = clock::now() + cx.conf().proxy.connect_timeout.duration();
    loop {
        match tls.shake_hands() {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => {
                let ended = error.kind() == io::ErrorKind::UnexpectedEof;
                match ended {
                    true => cx.error(Level::Error, format_args!("peer closed connection in SSL handshake")),
                    false => cx.error(Level::Error, format_args!("SSL_do_handshake() failed (SSL: {error})")),
                }
                return Err(Failed::Try(Trouble::Error));
            }
        }
        let wants_write = tls.with(|tls| tls.wants_write()).unwrap_or(false);
        let waited = poll_fn(|task| {
            let ready = match wants_write {
                true => tls.under().poll_writable(task),
                false => tls.poll_readable(task),
            };
            if let Poll::Ready(done) = ready {
                return Poll::Ready(done.map_err(Interrupted::Failed));
            }
            poll_interrupt(&cx.conn, deadline, watch, task).map(Err)
        });
        waited.await.map_err(|why| interrupted(cx, why))?;
    }
}
