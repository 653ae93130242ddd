//! OCSP answers that go with a certificate: asked for when a client wants one, kept while they hold, as nginx does.

use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rkeep_parsers::table::value::Level;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::accept::now;
use super::chain::Trust;
use super::ocsp::{self, CertId, Speakers};
use crate::proxy::http::base64;
use crate::proxy::thread::Thread;

/// How long a responder may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of an answer.
const MOST: u64 = 64 * 1024;
/// Seconds until a responder is asked again that gave nothing, and the least and most otherwise.
const AGAIN: i64 = 300;
const LONG: i64 = 3600;

/// A certificate that is sent along with its issuer's word on it.
#[derive(Debug)]
pub struct Staple {
    /// The certificate without.
    pub bare: Arc<CertifiedKey>,
    /// The file it is from, for the log.
    pub shown: String,
    /// Which it is to its issuer.
    pub id: CertId,
    /// Who has issued it.
    pub issuer: CertificateDer<'static>,
    /// Who is asked.
    pub responder: Responder,
    /// By what answers are judged, with `ssl_stapling_verify`.
    pub trust: Option<Trust>,
    state: Mutex<State>,
    wanted: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    /// The certificate with an answer, and when that ends.
    with: Option<(Arc<CertifiedKey>, i64)>,
    /// When the responder is asked next.
    next: i64,
    asking: bool,
}

impl Staple {
    /// One that nobody has been asked about.
    pub fn new(
        bare: Arc<CertifiedKey>,
        shown: String,
        (id, issuer): (CertId, CertificateDer<'static>),
        responder: Responder,
        trust: Option<Trust>,
    ) -> Staple {
        Staple { bare, shown, id, issuer, responder, trust, state: Mutex::default(), wanted: AtomicBool::new(false) }
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The certificate with what is known of it now.
    pub fn current(&self) -> Arc<CertifiedKey> {
        self.wanted.store(true, Relaxed);
        let with = self.with(|state| state.with.clone());
        with.filter(|(_, until)| *until >= now()).map_or_else(|| self.bare.clone(), |(with, _)| with)
    }

    /// Asks the responder if somebody has wanted to know and it is time.
    pub fn refresh(self: &Arc<Self>, thread: &Rc<Thread>) {
        if !self.wanted.swap(false, Relaxed) {
            return;
        }
        let due = self.with(|state| {
            let due = !state.asking && state.next < now();
            state.asking |= due;
            due
        });
        if due {
            let (staple, thread) = (self.clone(), thread.clone());
            tokio::task::spawn_local(async move { staple.renew(&thread).await });
        }
    }

    async fn renew(&self, thread: &Thread) {
        let got = tokio::time::timeout(PATIENCE, self.responder.ask(&self.id.request())).await;
        let judged = got.unwrap_or_else(|_| Err("OCSP responder timed out".to_owned())).and_then(|answer| {
            let known = self.bare.cert.get(1..).unwrap_or_default();
            let speakers = Speakers { issuer: &self.issuer, known, trust: self.trust.as_ref() };
            Ok((ocsp::judge(&answer, &self.id, &speakers, now())?, answer))
        });
        let now = now();
        match judged {
            Ok((until, answer)) => {
                let with = CertifiedKey { ocsp: Some(answer), ..CertifiedKey::clone(&self.bare) };
                let until = until.unwrap_or(i64::MAX);
                self.with(|state| {
                    state.with = Some((Arc::new(with), until));
                    state.next = until.saturating_sub(AGAIN).min(now + LONG).max(now + AGAIN);
                    state.asking = false;
                });
            }
            Err(why) => {
                let (host, shown) = (&self.responder.host, &self.shown);
                let context =
                    format!("while requesting certificate status, responder: {host}, certificate: \"{shown}\"");
                thread.log(Level::Error, &format!("{why} {context}"));
                self.with(|state| (state.next, state.asking) = (now + AGAIN, false));
            }
        }
    }
}

/// Who is asked about certificates, by HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Responder {
    /// Its name or address, for `Host`.
    pub host: String,
    port: u16,
    path: String,
}

impl Responder {
    /// Of a URL that begins with `http://`.
    pub fn read(url: &str) -> Option<Responder> {
        let (scheme, rest) = url.split_at_checked(7)?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let bracket = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority.get(bracket..)?.rfind(':') {
            Some(colon) => {
                let (host, port) = authority.split_at(bracket + colon);
                (host, port.get(1..)?.parse().ok().filter(|port| *port != 0)?)
            }
            None => (authority, 80),
        };
        let plain = url.bytes().all(|byte| byte.is_ascii_graphic()) && !host.is_empty();
        let http = scheme.eq_ignore_ascii_case("http://") && plain;
        http.then(|| Responder { host: host.to_owned(), port, path: path.to_owned() })
    }

    async fn ask(&self, request: &[u8]) -> Result<Vec<u8>, String> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let failed = |what: &str, error: std::io::Error| format!("{what} to OCSP responder failed ({error})");
        let to = (host, self.port);
        let mut stream = TcpStream::connect(to).await.map_err(|error| failed("connect()", error))?;
        let slash = if self.path.ends_with('/') { "" } else { "/" };
        let asked = base64::encode(request).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let text = format!("GET {}{slash}{asked} HTTP/1.0\r\nHost: {}\r\n\r\n", self.path, self.host);
        stream.write_all(text.as_bytes()).await.map_err(|error| failed("send()", error))?;
        let mut answer = Vec::new();
        let read = stream.take(MOST).read_to_end(&mut answer).await;
        read.map_err(|error| failed("recv()", error))?;
        body(&answer).map(<[u8]>::to_vec)
    }
}

/// What a responder's answer holds.
fn body(answer: &[u8]) -> Result<&[u8], String> {
    let mut rest = answer;
    let mut typed = false;
    let mut first = true;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        let line = String::from_utf8_lossy(line).trim().to_ascii_lowercase();
        if std::mem::take(&mut first) {
            if !(line.starts_with("http/1.") && line.get(8..12) == Some(" 200")) {
                return Err("OCSP responder sent no answer with status 200".to_owned());
            }
        } else if line.is_empty() {
            let untyped = || "OCSP responder sent invalid \"Content-Type\" header".to_owned();
            return typed.then_some(rest).ok_or_else(untyped);
        } else if let Some((name, value)) = line.split_once(':') {
            typed |= name == "content-type" && value.trim() == "application/ocsp-response";
        }
    }
    Err("OCSP responder prematurely closed connection".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responders() {
        let read = |url: &str| Responder::read(url).map(|to| (to.host, to.port, to.path));
        let some = |host: &str, port, path: &str| Some((host.to_owned(), port, path.to_owned()));
        assert_eq!(read("http://ocsp.example.com"), some("ocsp.example.com", 80, "/"));
        assert_eq!(read("HTTP://[::1]:81/a/b"), some("[::1]", 81, "/a/b"));
        for bad in ["https://a/", "http://", "http://a:x/", "http://a:0/", "http://a/ b", "htt", "http://a\r\nb/"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn answers() {
        let typed = "Content-Type: application/ocsp-response";
        assert_eq!(body(format!("HTTP/1.1 200 OK\r\n{typed}\r\n\r\n\x30").as_bytes()), Ok(&b"0"[..]));
        assert_eq!(body(format!("HTTP/1.0 200\nX: y\n{typed}\n\nab").as_bytes()), Ok(&b"ab"[..]));
        for bad in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\nx", "HTTP/1.1 500 No\r\n\r\n", "x\n\n"] {
            assert!(body(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
