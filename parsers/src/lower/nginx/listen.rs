//! `listen`: sockets, their options, and the server that answers names no other claims.

use super::url::{Kind, Url, parse, shown};
use super::{Frame, Lowering};
use crate::ir::Id;
use crate::ir::http::{Address, KeepaliveProbe, ListenOptions, Listener, Server};
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};
use crate::table::Fault;
use crate::table::value::{parse_number, parse_size, parse_time};

/// The options of one `listen`, and whether any of them belongs to the socket.
#[derive(Clone, Default)]
struct Written {
    options: ListenOptions,
    /// A parameter that may be said once for a socket.
    set: bool,
}

impl Lowering<'_> {
    pub(super) fn listen(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(server) = frame.server else { return Ok(()) };
        self.listening.push(server);
        let word = directive.arg(0);
        let refused = |what: &str| {
            let text = format!("{what} in \"{}\" of the \"listen\" directive", word.lossy());
            Fault::new(text).at(word.span).help("write a port, an address, or address:port")
        };
        let url: Url = parse(&word.lossy(), Kind::Listen, 80).map_err(refused)?;
        let addresses = url.addresses(self.loader).map_err(refused)?;
        let mut written = Written::default();
        for word in directive.args.iter().skip(1) {
            parameter(&mut written, word)?;
        }
        for address in addresses {
            self.add_listen(server, address, &written, directive.span)?;
        }
        Ok(())
    }

    /// A server without `listen`.
    pub(super) fn default_listen(&mut self, server: Id<Server>, at: Span) {
        if self.listening.contains(&server) {
            return;
        }
        let port = if self.setup.privileged { 80 } else { 8000 };
        let address = Address::Inet(([0, 0, 0, 0], port).into());
        if let Err(fault) = self.add_listen(server, address, &Written::default(), at) {
            self.cx.emerg("nginx::listen", fault.text, at, at, fault.help);
        }
    }

    fn add_listen(&mut self, server: Id<Server>, address: Address, written: &Written, span: Span) -> Result<(), Fault> {
        let name = shown(&address);
        let Some(&id) = self.by_address.get(&address) else {
            let listener = Listener {
                address: address.clone(),
                options: written.options.clone(),
                default: server,
                servers: vec![server],
                span,
            };
            let id = self.ir.listeners.push(listener);
            self.by_address.insert(address, id);
            if written.set {
                self.options_set.push(id);
            }
            return Ok(());
        };
        let listener = &mut self.ir.listeners[id];
        if listener.servers.contains(&server) {
            return Err(Fault::new(format!("a duplicate listen {name}")).help("delete one of the two"));
        }
        listener.servers.push(server);
        if written.set && self.options_set.contains(&id) {
            let fault = Fault::new(format!("duplicate listen options for {name}"));
            return Err(fault.help("write the options of a socket in one listen only"));
        }
        let was_default = listener.options.default_server;
        if written.set {
            self.options_set.push(id);
            let ListenOptions { proxy_protocol, ssl, http2, .. } = listener.options;
            let kept = written.options.clone();
            listener.options = ListenOptions { default_server: was_default, proxy_protocol, ssl, http2, ..kept };
        }
        if written.options.default_server && was_default {
            return Err(Fault::new(format!("a duplicate default server for {name}")));
        }
        if written.options.default_server {
            listener.options.default_server = true;
            listener.default = server;
        }
        listener.options.proxy_protocol |= written.options.proxy_protocol;
        listener.options.ssl |= written.options.ssl;
        listener.options.http2 |= written.options.http2;
        Ok(())
    }
}

/// One parameter after the address.
fn parameter(written: &mut Written, word: &Word) -> Result<(), Fault> {
    let text = word.lossy();
    let options = &mut written.options;
    let refuse = |what: &str| Fault::new(format!("invalid {what} \"{text}\"")).at(word.span);
    let number = |value: &str| parse_number(value.as_bytes()).and_then(|number| u32::try_from(number).ok());
    let size = |value: &str| parse_size(value.as_bytes());
    let (key, value) = text.split_once('=').map_or((text.as_ref(), None), |(key, value)| (key, Some(value)));
    match (key, value) {
        ("default_server" | "default", None) => {
            options.default_server = true;
            return Ok(());
        }
        ("proxy_protocol", None) => {
            options.proxy_protocol = true;
            return Ok(());
        }
        ("ssl", None) => {
            options.ssl = true;
            return Ok(());
        }
        ("http2", None) => {
            options.http2 = true;
            return Ok(());
        }
        ("quic", None) => return Err(needs(word, "quic", "ngx_http_v3_module")),
        ("bind", None) => options.bind = true,
        ("deferred", None) => options.deferred = true,
        ("reuseport", None) => options.reuseport = true,
        ("multipath", None) => return Err(refuse("parameter").help("multipath TCP is not built into rkeep")),
        ("setfib" | "accept_filter", Some(_)) => {
            return Err(refuse("parameter").help("this option exists on FreeBSD only"));
        }
        ("fastopen", Some(value)) => options.fastopen = Some(number(value).ok_or_else(|| refuse("fastopen"))?),
        ("backlog", Some(value)) => {
            options.backlog = Some(number(value).filter(|size| *size > 0).ok_or_else(|| refuse("backlog"))?);
        }
        ("rcvbuf", Some(value)) => options.rcvbuf = Some(size(value).ok_or_else(|| refuse("rcvbuf"))?),
        ("sndbuf", Some(value)) => options.sndbuf = Some(size(value).ok_or_else(|| refuse("sndbuf"))?),
        ("ipv6only", Some("on")) => options.ipv6only = Some(true),
        ("ipv6only", Some("off")) => options.ipv6only = Some(false),
        ("ipv6only", Some(value)) if value.starts_with('o') => {
            return Err(Fault::new(format!("invalid ipv6only flags \"{value}\"")).at(word.span));
        }
        ("so_keepalive", Some(value)) => {
            let invalid = || Fault::new(format!("invalid so_keepalive value: \"{value}\"")).at(word.span);
            options.so_keepalive = Some(probe(value).ok_or_else(invalid)?);
        }
        _ => return Err(refuse("parameter")),
    }
    options.bind = true;
    written.set = true;
    Ok(())
}

fn needs(word: &Word, parameter: &str, module: &str) -> Fault {
    let fault = Fault::new(format!("the \"{parameter}\" parameter requires {module}")).at(word.span);
    fault.help("rkeep does not serve it yet: let a program before it do so, or keep nginx for this server")
}

/// `on`, `off`, or `[idle]:[interval]:[count]`.
fn probe(value: &str) -> Option<KeepaliveProbe> {
    match value {
        "on" => return Some(KeepaliveProbe { on: true, ..KeepaliveProbe::default() }),
        "off" => return Some(KeepaliveProbe::default()),
        _ => {}
    }
    let mut parts = value.splitn(3, ':');
    let mut next = |read: fn(&[u8]) -> Option<u64>| match parts.next() {
        None | Some("") => Some(None),
        Some(text) => read(text.as_bytes()).and_then(|number| u32::try_from(number).ok()).map(Some),
    };
    let seconds = |text: &[u8]| parse_time(text, true).map(|time| time / 1000);
    let (idle, interval, count) = (next(seconds)?, next(seconds)?, next(parse_number)?);
    let any = [idle, interval, count].iter().flatten().any(|number| *number > 0);
    any.then_some(KeepaliveProbe { on: true, idle, interval, count })
}
