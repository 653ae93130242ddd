//! The handshake with a client: who it is, which server's certificate it gets, and what is noted of it for variables.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rkeep_parsers::table::value::{Level, VerifyClient};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::server::{Accepted, Acceptor};

use super::chain::{Distrust, Purpose};
use super::context::Context;
use super::sessions::{self, SessionId};
use super::{TlsStream, ciphers};
use crate::proxy::compile::Snapshot;
use crate::proxy::connection::Connection;
use crate::proxy::flood::Flood;
use crate::proxy::io::Lease;
use crate::proxy::request::RequestCtx;

/// What a handshake has brought to light.
#[derive(Debug)]
pub struct Handshake {
    /// The name that the client asked for; empty for none.
    pub name: Vec<u8>,
    /// Whether a server has that name.
    pub named: bool,
    /// Cipher suites that the client offered, as OpenSSL names them.
    pub ciphers: Vec<u16>,
    /// Groups that the client offered.
    pub groups: Vec<u16>,
    /// The client's certificates.
    pub shown: Vec<CertificateDer<'static>>,
    /// The verdict on them.
    pub verdict: Result<(), Distrust>,
    /// The name of the session, where it is known here.
    pub session: Option<SessionId>,
}

/// How a new connection to a TLS port goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// Encrypted.
    Encrypted,
    /// The client does not speak TLS.
    Plain,
    /// It is over.
    Gone,
}

/// The alert that a name is not known here.
const UNRECOGNIZED_NAME: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 112];
/// The alert that something is wrong on this side.
const INTERNAL_ERROR: [u8; 7] = [0x15, 3, 1, 0, 2, 2, 80];

/// Shakes hands with a client until `deadline`.
pub async fn begin(conn: &std::rc::Rc<Connection>, deadline: Instant) -> Begun {
    let Some(tls) = conn.stream.tls() else { return Begun::Plain };
    match first_byte(conn, tls, deadline).await {
        Ok(0x16 | 0x80..=0xff) => {}
        Ok(_) => return Begun::Plain,
        Err(error) => {
            if error.kind() == io::ErrorKind::TimedOut {
                complain(conn, &late(conn));
            }
            return Begun::Gone;
        }
    }
    match shake(conn, tls, deadline).await {
        Ok(handshake) => {
            conn.secured(handshake);
            Begun::Encrypted
        }
        Err(why) => {
            if let Some(why) = why {
                complain(conn, &why);
            }
            Begun::Gone
        }
    }
}

fn complain(conn: &Connection, why: &str) {
    let (number, client) = (conn.number, &conn.client);
    let text = format!("*{number} {why} while SSL handshaking, client: {client}, server: {}", listen(conn));
    conn.thread.log(Level::Info, &text);
}

fn listen(conn: &Connection) -> String {
    crate::proxy::io::address_text(&conn.listen)
}

async fn first_byte(conn: &Connection, tls: &TlsStream, deadline: Instant) -> io::Result<u8> {
    let mut byte = [0];
    loop {
        match tls.try_peek(&mut byte) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => readable(conn, tls, deadline).await?,
            Err(error) => return Err(error),
        }
    }
}

async fn readable(conn: &Connection, tls: &TlsStream, deadline: Instant) -> io::Result<()> {
    poll_fn(|cx| match tls.poll_readable(cx) {
        Poll::Ready(done) => Poll::Ready(done),
        Poll::Pending => conn.poll_deadline(deadline, cx).map(Err),
    })
    .await
}

/// Why a handshake failed, where that is worth a line.
type Failure = Option<String>;

async fn shake(conn: &std::rc::Rc<Connection>, tls: &TlsStream, deadline: Instant) -> Result<Handshake, Failure> {
    let (accepted, rest) = hello(conn, tls, deadline).await?;
    let snapshot = conn.thread.snapshot().ok_or(None)?;
    let mut handshake = note(&accepted);
    let (context, config) = choose(conn, tls, &snapshot, &mut handshake)?;
    let (session, id) = sessions::named(|| accepted.into_connection(config));
    handshake.session = id;
    let session = match session {
        Ok(session) => session,
        Err((error, mut alert)) => {
            let _ = alert.write(&mut Raw(tls));
            return Err(Some(format!("SSL_do_handshake() failed (SSL: {error})")));
        }
    };
    context.staples.iter().for_each(|staple| staple.refresh(&conn.thread));
    tls.begin(session, rest);
    loop {
        let (shaken, id) = sessions::named(|| tls.shake_hands());
        handshake.session = id.or(handshake.session);
        match shaken {
            Ok(()) => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(conn, tls, deadline).await?,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Some("peer closed connection in SSL handshake".to_owned()));
            }
            Err(error) => return Err(Some(format!("SSL_do_handshake() failed (SSL: {error})"))),
        }
    }
    let shown = tls.with(|tls| tls.peer_certificates().map(<[_]>::to_vec)).flatten().unwrap_or_default();
    handshake.shown = shown.into_iter().map(CertificateDer::into_owned).collect();
    if !handshake.shown.is_empty() {
        handshake.verdict = context.trust.judge(&handshake.shown, Purpose::Client, now());
    }
    Ok(handshake)
}

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

async fn wait(conn: &Connection, tls: &TlsStream, deadline: Instant) -> Result<(), Failure> {
    let wants_write = tls.with(|tls| tls.wants_write()).unwrap_or(false);
    let waited = poll_fn(|cx| {
        let ready = match wants_write {
            true => tls.under().poll_writable(cx),
            false => tls.poll_readable(cx),
        };
        match ready {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => conn.poll_deadline(deadline, cx).map(Err),
        }
    })
    .await;
    waited.map_err(|error| (error.kind() == io::ErrorKind::TimedOut).then(|| late(conn)))
}

/// Counts a client that takes too long, and says so.
fn late(conn: &Connection) -> String {
    conn.thread.stats().flooded(Flood::Handshakes);
    "client timed out (110: Connection timed out)".to_owned()
}

/// Reads what the client asks for; the second is what came after it.
async fn hello(conn: &Connection, tls: &TlsStream, deadline: Instant) -> Result<(Accepted, Vec<u8>), Failure> {
    let mut acceptor = Acceptor::default();
    loop {
        let read = {
            let mut lease = Lease::take();
            match tls.under().try_read(&mut lease) {
                Ok(0) => return Err(Some("peer closed connection in SSL handshake".to_owned())),
                Ok(n) => {
                    let mut new = lease.get(..n).unwrap_or_default();
                    if let Some(accepted) = feed(&mut acceptor, &mut new, tls)? {
                        return Ok((accepted, new.to_vec()));
                    }
                    true
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
                Err(_) => return Err(None),
            }
        };
        if !read {
            wait(conn, tls, deadline).await?;
        }
    }
}

fn feed(acceptor: &mut Acceptor, new: &mut &[u8], tls: &TlsStream) -> Result<Option<Accepted>, Failure> {
    while !new.is_empty() {
        acceptor.read_tls(new).map_err(|_| None)?;
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => return Ok(Some(accepted)),
            Err((error, mut alert)) => {
                let _ = alert.write(&mut Raw(tls));
                return Err(Some(format!("SSL_do_handshake() failed (SSL: {error})")));
            }
        }
    }
    Ok(None)
}

fn note(accepted: &Accepted) -> Handshake {
    let hello = accepted.client_hello();
    Handshake {
        name: hello.server_name().map(|name| name.to_ascii_lowercase().into_bytes()).unwrap_or_default(),
        named: false,
        ciphers: hello.cipher_suites().iter().map(|suite| u16::from(*suite)).collect(),
        groups: hello.named_groups().unwrap_or_default().iter().map(|group| u16::from(*group)).collect(),
        shown: Vec::new(),
        verdict: Ok(()),
        session: None,
    }
}

/// The server of the name, or of the address, with its settings.
fn choose(
    conn: &std::rc::Rc<Connection>,
    tls: &TlsStream,
    snapshot: &Arc<Snapshot>,
    handshake: &mut Handshake,
) -> Result<(Arc<Context>, Arc<ServerConfig>), Failure> {
    let names = snapshot.names(conn).ok_or(None)?;
    let default = names.default_server();
    let known = (!handshake.name.is_empty()).then(|| names.known(&handshake.name)).flatten();
    handshake.named = known.is_some();
    let server = known.unwrap_or(default);
    let refuse = |alert: &[u8]| drop(tls.under().try_write(alert));
    let context = snapshot.tls.get(server).or_else(|| snapshot.tls.get(default));
    let Some(context) = context else {
        refuse(&INTERNAL_ERROR);
        return Err(Some("no \"ssl_certificate\" is defined in server listening on SSL port".to_owned()));
    };
    if context.rejects {
        refuse(&UNRECOGNIZED_NAME);
        return Err(Some("SSL_do_handshake() failed (SSL: callback failed: handshake rejected)".to_owned()));
    }
    let h2 = names.http2 || snapshot.servers.get(server).is_some_and(|server| server.ir.conf.http2.on);
    if context.variable.is_empty() {
        let config = if h2 { &context.config_h2 } else { &context.config };
        return Ok((context.clone(), config.clone()));
    }
    let config = by_variables(conn, snapshot, server, context, handshake, h2).map_err(|why| {
        refuse(&INTERNAL_ERROR);
        Some(format!("cannot load certificate {why}"))
    })?;
    Ok((context.clone(), config))
}

/// Settings with the certificates whose names the client's variables make.
fn by_variables(
    conn: &std::rc::Rc<Connection>,
    snapshot: &Arc<Snapshot>,
    server: usize,
    context: &Context,
    handshake: &Handshake,
    h2: bool,
) -> Result<Arc<ServerConfig>, String> {
    let server = snapshot.servers.get(server).ok_or("of no server")?.clone();
    let seen = std::rc::Rc::new(conn.for_subrequest());
    seen.secured(handshake.without_client());
    let cx = RequestCtx::new(seen, snapshot.clone(), server);
    let mut pairs = Vec::new();
    for (cert, key) in &context.variable {
        let named = |file: &rkeep_parsers::table::value::TlsFile| file.named(&cx.eval(&file.text));
        if let (Some(cert), Some(key)) = (named(cert), named(key)) {
            pairs.push((cert, key));
        }
    }
    context.with_certificates(h2, pairs)
}

impl Handshake {
    /// What is known before the client has shown a certificate.
    fn without_client(&self) -> Handshake {
        let (name, ciphers, groups) = (self.name.clone(), self.ciphers.clone(), self.groups.clone());
        Handshake { name, named: self.named, ciphers, groups, shown: Vec::new(), verdict: Ok(()), session: None }
    }

    /// `$ssl_client_verify`
    pub fn verdict_text(&self) -> String {
        match (self.shown.is_empty(), self.verdict) {
            (true, _) => "NONE".to_owned(),
            (false, Ok(())) => "SUCCESS".to_owned(),
            (false, Err(why)) => format!("FAILED:{why}"),
        }
    }

    /// The suites that the client offered, by name.
    pub fn cipher_names(&self) -> String {
        let names: Vec<String> = self.ciphers.iter().map(|code| ciphers::name((*code).into())).collect();
        names.join(":")
    }

    /// The groups that the client offered, by name.
    pub fn group_names(&self) -> String {
        let names: Vec<String> = self.groups.iter().map(|code| ciphers::group_name((*code).into())).collect();
        names.join(":")
    }
}

/// Faults of a chain that a client may have where any certificate will do.
const NO_CA: [&str; 4] = [
    "self-signed certificate",
    "self-signed certificate in certificate chain",
    "unable to get local issuer certificate",
    "unable to verify the first certificate",
];

/// Whether a server's demands on the client are met, or the status that says what is missing.
///
/// # Errors
/// The status and what the log says.
pub fn check(cx: &RequestCtx) -> Result<(), (u16, String)> {
    let Some(tls) = cx.conn.stream.tls() else { return Ok(()) };
    if !tls.is_encrypted() {
        return Err((497, "client sent plain HTTP request to HTTPS port".to_owned()));
    }
    let h2 = cx.conn.stream.h2().is_some();
    if h2 && !cx.server.ir.conf.http2.on && !cx.snapshot.names(&cx.conn).is_some_and(|names| names.http2) {
        return Err((421, "client attempted to request a server that does not speak the negotiated HTTP/2".to_owned()));
    }
    let verify = cx.server.ir.conf.ssl.verify_client;
    let Some(handshake) = cx.conn.handshake().filter(|_| verify != VerifyClient::Off) else { return Ok(()) };
    if handshake.named && handshake.name != cx.host && !cx.host.is_empty() {
        let text = "client attempted to request the server name different from the one that was negotiated";
        return Err((421, text.to_owned()));
    }
    match handshake.verdict {
        Err(why) if verify != VerifyClient::OptionalNoCa || !NO_CA.contains(&why) => {
            return Err((495, format!("client SSL certificate verify error: ({why})")));
        }
        _ => {}
    }
    if verify == VerifyClient::On && handshake.shown.is_empty() {
        return Err((496, "client sent no required SSL certificate".to_owned()));
    }
    Ok(())
}

/// The socket below TLS, for alerts.
struct Raw<'a>(&'a TlsStream);

impl io::Write for Raw<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.under().try_write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
