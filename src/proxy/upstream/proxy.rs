//! One proxied request from beginning to answer: read the body, compose, try servers, take the head.

use crate::proxy::boxed::boxed;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use rkeep_parsers::ir::http::{Address, Protocol, ProxyPass};
use rkeep_parsers::table::value::{HttpVersion, Level};

use super::answer;
use super::backend::{Backend, Client, Interrupted};
use super::body::Reader;
use super::cached::{self, Found};
use super::http2;
use super::idle::{self, Owner};
use super::outgoing::Outgoing;
use super::receive::{Failed, Received, interrupted, receive};
use super::route::Route;
use super::secure::secure;
use super::send::{Sent, send};
use super::stream::{AnswerStream, Kind};
use super::target::Destination;
use super::tries::Tries;
use super::trouble::Trouble;
use super::upload::Upload;
use crate::proxy::body::Body;
use crate::proxy::cache::Lookup;
use crate::proxy::clock;
use crate::proxy::compile::Location;
use crate::proxy::content::set_content_type;
use crate::proxy::io::Connect;
use crate::proxy::request::{Answer, RequestCtx, Status};
use crate::proxy::tls::client::ClientContext;

/// Answers a request from a backend.
///
/// # Errors
/// The status that `error_page` or a built-in page shows.
pub async fn handle(cx: &mut RequestCtx, pass: &ProxyPass, location: &Arc<Location>) -> Result<Answer, Status> {
    let Some(route) = &location.route else { return Err(Status(500)) };
    if pass.protocol == Protocol::Memcached {
        if !matches!(cx.method.as_slice(), b"GET" | b"HEAD") {
            return Err(Status(405));
        }
        set_content_type(cx);
    }
    cx.body.unbuffered = Outgoing::streams(cx);
    let streamed = cx.body.unbuffered && !cx.body_is_here()?;
    if !streamed && !cx.body.unwanted && (!cx.body.done || cx.body.expects_continue) {
        // Boxed, like all that seldom waits: the futures of every request are made as large as their largest part.
        boxed(|| cx.read_body()).await?;
    }
    // What is known only here is not held while the backend is waited for.
    let (mut exchange, mut tries) = {
        let to = Destination::of(cx, pass).await?;
        let mut lookup = None;
        if cx.conf().proxy.cache.0.is_some() {
            // In a box, so that requests without a cache are no larger for it.
            match boxed(|| cached::look(cx, route, pass, &to, location)).await? {
                Found::Answer(answer) => return answer,
                Found::Nothing(found) => lookup = found,
            }
        }
        let exchange = Exchange::begin(cx, pass, location, &to, lookup, streamed)?;
        (exchange, Tries::begin(cx, to.upstream, streamed, pass.protocol.scheme(to.https).as_bytes()))
    };
    loop {
        let failed = match exchange.run(cx, &mut tries).await {
            Ok((backend, received, sent)) => {
                if !tries.prefers_next(cx, received.status) {
                    return exchange.answer(cx, route, tries, backend, received, sent);
                }
                Failed::Try(Trouble::Status(received.status))
            }
            Err(failed) => failed,
        };
        match failed {
            Failed::Try(trouble) => match tries.end(cx, trouble) {
                Ok(()) => {}
                Err(status) => return exchange.fail(cx, route, trouble, status),
            },
            Failed::Request(status) => {
                close_record(cx, tries.since);
                return Err(status);
            }
        }
    }
}

fn close_record(cx: &mut RequestCtx, since: Instant) {
    if let Some(record) = cx.upstream.last_mut() {
        record.response_time = Some(clock::since(since));
    }
}

/// What is the same in all tries.
struct Exchange {
    protocol: Protocol,
    outgoing: Outgoing,
    location: usize,
    streamed: bool,
    /// What the cache is asked for.
    lookup: Option<Box<Lookup>>,
    /// The answer may be kept.
    keeps: bool,
    /// For backends that are reached by TLS.
    secured: Option<Box<Secured>>,
    /// HTTP/2 is spoken.
    http2: bool,
}

/// What a handshake with a backend needs.
struct Secured {
    tls: Arc<ClientContext>,
    host: Vec<u8>,
}

impl Exchange {
    /// Composes the request.
    fn begin(
        cx: &mut RequestCtx,
        pass: &ProxyPass,
        location: &Location,
        to: &Destination<'_>,
        lookup: Option<Box<Lookup>>,
        streamed: bool,
    ) -> Result<Exchange, Status> {
        let Some(route) = &location.route else { return Err(Status(500)) };
        let keeps = lookup.as_ref().is_some_and(|lookup| lookup.keeps);
        let outgoing = Outgoing::compose(cx, route, pass, to, streamed, keeps)?;
        if outgoing.has_no_uri() {
            cx.error(Level::Error, format_args!("zero length URI to proxy"));
            return Err(Status(500));
        }
        // Boxed: most backends are plain.
        let secured = match &route.tls {
            Some(tls) if to.https => Some(Box::new(Secured { tls: Arc::clone(tls), host: to.host.to_vec() })),
            _ => None,
        };
        let speaks_http = matches!(pass.protocol, Protocol::Http | Protocol::Grpc);
        let http2 = speaks_http && cx.conf().proxy.http_version == HttpVersion::Http20;
        let (protocol, location) = (pass.protocol, location.index);
        Ok(Exchange { protocol, outgoing, location, streamed, lookup, keeps, secured, http2 })
    }

    /// One try: a server, a connection, the request, the head of the answer.
    async fn run(&self, cx: &mut RequestCtx, tries: &mut Tries) -> Result<(Box<Backend>, Received, Sent), Failed> {
        tries.choose(cx, self.outgoing.uri()).map_err(Failed::Try)?;
        let mut backend = self.connect(cx, tries).await?;
        tries.cached = backend.cached;
        backend.requests += 1;
        if let Some(record) = cx.upstream.last_mut() {
            record.connect_time = Some(clock::since(tries.since));
        }
        tries.sent = true;
        let sent = send(cx, &self.outgoing, &backend, self.watch(cx)).await?;
        let received = receive(cx, &backend, self.protocol, self.outgoing.head(), self.watch(cx)).await?;
        if let Some(record) = cx.upstream.last_mut() {
            record.status = received.status;
            record.header_time = Some(clock::since(tries.since));
        }
        Ok((backend, received, sent))
    }

    /// Whether the client's leaving ends the request.
    fn watch(&self, cx: &RequestCtx) -> Client {
        // Of a subrequest the one that asked watches the client.
        let elsewhere = cx.is_subrequest() || (self.streamed && !cx.body.done && cx.conn.stream.h2().is_none());
        let goes_on = cx.conf().proxy.ignore_client_abort || self.keeps || cx.conf().proxy.store.is_some();
        if goes_on || elsewhere { Client::Ignored } else { Client::Watched }
    }

    /// An idle connection to the chosen server, or a new one.
    async fn connect(&self, cx: &mut RequestCtx, tries: &Tries) -> Result<Box<Backend>, Failed> {
        let Some(peer) = tries.peer() else { return Err(Failed::Request(Status(500))) };
        if tries.upstream().keep.is_some()
            && let Some(backend) = idle::take(&self.owner(tries), &peer.address)
        {
            return Ok(backend);
        }
        let how = how_to_connect(cx, &peer.address);
        let patience = cx.conf().proxy.connect_timeout.duration();
        let watch = self.watch(cx);
        let connected = boxed(|| Backend::connect(&cx.conn, &peer.address, how, patience, watch)).await;
        let backend = connected.map_err(|why| match why {
            Interrupted::Failed(error) => {
                connect_failed(cx, &peer.name, &peer.address, &error);
                Failed::Try(Trouble::Error)
            }
            why => interrupted(cx, why),
        })?;
        let backend = match &self.secured {
            Some(secured) => boxed(|| secure(cx, &secured.tls, backend, &secured.host, watch)).await?,
            None => backend,
        };
        Ok(if self.http2 { http2::begin(cx, *backend) } else { backend })
    }

    fn owner(&self, tries: &Tries) -> Owner {
        let upstream = tries.upstream();
        let local = upstream.keep.as_ref().is_some_and(|keep| keep.local);
        let encrypted = self.secured.as_ref().map(|secured| secured.tls.id);
        Owner { pool: upstream.pool.id(), location: local.then_some(self.location), encrypted, http2: self.http2 }
    }

    /// No backend gave an answer: an old one may do.
    fn fail(&mut self, cx: &mut RequestCtx, route: &Route, trouble: Trouble, status: Status) -> Result<Answer, Status> {
        if let Some(old) = cached::in_place_of(cx, self.lookup.as_deref(), trouble) {
            return cached::serve(cx, route, &old);
        }
        cached::remember_failure(cx, self.lookup.as_deref(), status);
        Err(status)
    }

    /// The cache's answer in place of the backend's, where it is as good or better.
    fn instead(&self, cx: &mut RequestCtx, route: &Route, status: u16) -> Option<Result<Answer, Status>> {
        let lookup = self.lookup.as_deref()?;
        if cached::confirms(cx, lookup, status) {
            return Some(cached::revalidated(cx, route, lookup));
        }
        let old = cached::in_place_of(cx, Some(lookup), Trouble::Status(status))?;
        Some(cached::serve(cx, route, &old))
    }

    /// What the client gets of an answer whose head has come.
    fn answer(
        &mut self,
        cx: &mut RequestCtx,
        route: &Route,
        tries: Tries,
        backend: Box<Backend>,
        mut received: Received,
        sent: Sent,
    ) -> Result<Answer, Status> {
        let status = received.status;
        let upgrade = status == 101 && cx.head.fields.has(b"Upgrade");
        let stays = match self.protocol {
            Protocol::Http | Protocol::Grpc => true,
            // What nobody wants of an item is not waited for.
            Protocol::Memcached => !cx.is_head() || status == 404,
            Protocol::FastCgi => cx.conf().fastcgi.keep_conn,
            Protocol::Scgi | Protocol::Uwsgi => false,
        };
        // A connection of HTTP/2 knows itself whether all has been said on it.
        let whole = self.http2 || matches!(sent, Sent::Whole);
        let reusable = whole && !received.meaning.close && status != 101 && stays;
        let is_head = self.outgoing.is_head;
        let upload = match sent {
            Sent::Early(Some(progress)) => Some(Upload::new(std::mem::take(&mut self.outgoing), *progress)),
            _ => None,
        };
        let (owner, since) = (self.owner(&tries), tries.since);
        let mut stream = AnswerStream {
            kind: if upgrade { Kind::Tunnel } else { Kind::Body { buffered: answer::buffers(cx, route) } },
            backend: Some(backend),
            reader: Reader::new(&received, is_head, cx.conf().proxy.pass_trailers),
            rest: std::mem::take(&mut received.rest),
            owner,
            held: Some(tries.keep()),
            reusable,
            since,
            watch: self.watch(cx),
            pace: None,
            saving: None,
            upload,
            spoilt: false,
        };
        if let Some(answer) = self.instead(cx, route, status) {
            stream.abandon(cx);
            return answer;
        }
        if status == 404 && self.protocol == Protocol::Memcached {
            stream.end(cx);
            return Err(Status(404));
        }
        if status >= 300 && cx.conf().proxy.intercept_errors && cx.has_error_page(status) {
            cached::remember(cx, route, self.lookup.as_deref(), status);
            return self.intercept(cx, since, status);
        }
        let redirected = answer::redirect(cx, route);
        if redirected.is_none() {
            let kept = cached::keep(cx, route, self.lookup.take(), &received);
            stream.saving = kept.saving;
            answer::copy(cx, route, &mut received, kept.keepable);
        }
        if received.http09 {
            cx.head.version = crate::proxy::request::Version::Http09;
            cx.keepalive = false;
        }
        if let Some(redirected) = redirected {
            stream.end(cx);
            return redirected;
        }
        if status == 101 && !upgrade {
            // Nobody asked for it: nothing of what follows is passed on.
            cx.keepalive = false;
            stream.end(cx);
            return Ok(Answer::Body(Body::Empty));
        }
        if !upgrade && stream.is_whole() {
            stream.end(cx);
            return Ok(Answer::Body(Body::Empty));
        }
        if cx.is_head() && stream.saving.is_none() && !is_head {
            // Nobody wants what the backend was asked for in place of a head.
            stream.abandon(cx);
            return Ok(Answer::Body(Body::Empty));
        }
        Ok(Answer::Body(match stream.take_whole(cx) {
            Some(body) => Body::Received(body),
            None => Body::Upstream(Box::new(stream)),
        }))
    }

    /// `proxy_intercept_errors`: `error_page` answers; what asks for a password stays.
    fn intercept(&self, cx: &mut RequestCtx, since: Instant, status: u16) -> Result<Answer, Status> {
        if status == 401 {
            let fields = std::mem::take(&mut cx.upstream_fields);
            for value in fields.all(b"WWW-Authenticate") {
                cx.out.fields.push(b"WWW-Authenticate", value);
            }
            cx.upstream_fields = fields;
        }
        close_record(cx, since);
        Err(Status(status))
    }
}

fn how_to_connect(cx: &RequestCtx, to: &Address) -> Connect {
    let conf = &cx.conf().proxy;
    Connect {
        from: local_address(cx, to),
        transparent: conf.bind.as_ref().is_some_and(|bind| bind.transparent),
        keepalive: conf.socket_keepalive,
    }
}

/// `proxy_bind`; an address of the other family is not used.
fn local_address(cx: &RequestCtx, to: &Address) -> Option<SocketAddr> {
    let written = cx.conf().proxy.bind.as_ref()?.address.as_ref()?;
    let text = String::from_utf8_lossy(&cx.eval(written)).into_owned();
    if text.is_empty() {
        return None;
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)).or_else(|_| text.parse());
    match (address, to) {
        (Ok(address), Address::Inet(to)) => (address.is_ipv4() == to.is_ipv4()).then_some(address),
        (Ok(_), Address::Unix(_)) => None,
        (Err(_), _) => {
            cx.error(Level::Error, format_args!("invalid local address \"{text}\""));
            None
        }
    }
}

/// Tells the log; nginx words an error that connect(2) gives at once in another way, with the address.
fn connect_failed(cx: &mut RequestCtx, name: &str, address: &Address, error: &io::Error) {
    let code = error.raw_os_error().unwrap_or(0);
    let at_once = [libc::ENETUNREACH, libc::EADDRNOTAVAIL, libc::EACCES, libc::EPERM, libc::EINVAL];
    let usual = [libc::ECONNREFUSED, libc::EAGAIN, libc::ECONNRESET, libc::ENETDOWN, libc::ENETUNREACH];
    let usual = usual.contains(&code) || [libc::EHOSTDOWN, libc::EHOSTUNREACH].contains(&code);
    if code == libc::EADDRNOTAVAIL && cx.conf().proxy.bind.is_some() {
        return cx.error_io(Level::Crit, error, format_args!("bind() failed"));
    }
    if matches!(address, Address::Unix(_)) || at_once.contains(&code) {
        let level = if usual { Level::Error } else { Level::Crit };
        return cx.error_io(level, error, format_args!("connect() to {name} failed"));
    }
    cx.error_io(Level::Error, error, format_args!("connect() failed"));
}
