//! `upstream` and what stands in it; groups that a `proxy_pass` implies.

use std::time::Duration;

use super::url::{Host, Kind, Url, parse};
use super::{Frame, Lowering, item};
use crate::ir::Id;
use crate::ir::expr::Expr;
use crate::ir::pool::{Balancer, Pool, PoolServer};
use crate::nginx::blocks::Keyword;
use crate::nginx::{HttpCore, UpstreamKeepalive, UpstreamKeepaliveLayer, UpstreamResolver, UpstreamResolverLayer};
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};
use crate::table::value::{Number, Resolver, ZoneUse, parse_number, parse_size, parse_time};
use crate::table::{Contexts, Fault, Module};

/// A pool while it is being read.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The port; none for a written group.
    port: Option<u16>,
    no_port: bool,
    keepalive: UpstreamKeepaliveLayer,
    resolver: UpstreamResolverLayer,
    /// A balancing method was named.
    method: bool,
    /// What an implied group is resolved from, and the directive that implies it.
    implied: Option<(Url, Span)>,
}

impl Lowering<'_> {
    pub(super) fn upstream(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let name = directive.arg(0).lossy().into_owned();
        let id = self.written_pool(&name, directive)?;
        let inner = Frame { context: Contexts::UPSTREAM, pool: Some(id), ..frame };
        self.read(&directive.block, inner);
        let close = super::blocks::close_of(directive);
        let mut lines = directive.block.iter().flat_map(|block| &block.items);
        if !lines.any(|line| line.name.is("server")) {
            let help = Some("add a line such as: server 192.0.2.1:80;".to_owned());
            self.cx.emerg("nginx::upstream", "no servers are inside upstream", directive.name.span, close, help);
        }
        Ok(())
    }

    fn written_pool(&mut self, name: &str, directive: &Directive) -> Result<Id<Pool>, Fault> {
        let Some(&index) = self.pools_of(name).first() else {
            self.add_draft(name, Draft { no_port: true, ..Draft::default() });
            let pool = Pool { name: name.to_owned(), explicit: true, span: head(directive), ..Pool::default() };
            return Ok(self.ir.pools.push(pool));
        };
        let id = Id::new(index);
        let (draft, pool) = (&mut self.pools[index], item(&mut self.ir.pools, id));
        if pool.explicit {
            return Err(Fault::new(format!("duplicate upstream \"{name}\"")).at(directive.arg(0).span));
        }
        if let (false, Some(port)) = (draft.no_port, draft.port) {
            let text = format!("upstream \"{name}\" may not have port {port}");
            let help = Some("the ports are in the upstream block".to_owned());
            self.cx.emerg("nginx::upstream", text, pool.span, last_byte(pool.span), help);
        }
        (draft.port, draft.implied) = (None, None);
        *pool = Pool { name: name.to_owned(), explicit: true, span: head(directive), ..Pool::default() };
        Ok(id)
    }

    /// The pools of a host, in the order in which they were met.
    fn pools_of(&self, host: &str) -> &[usize] {
        self.pools_by_host.get(&host.to_ascii_lowercase()).map(Vec::as_slice).unwrap_or_default()
    }

    fn add_draft(&mut self, host: &str, draft: Draft) {
        self.pools_by_host.entry(host.to_ascii_lowercase()).or_default().push(self.pools.len());
        self.pools.push(draft);
    }

    /// The group a URL names, or implies.
    pub(super) fn implied_pool(&mut self, url: &Url, directive: &Directive) -> Result<Id<Pool>, Fault> {
        let host = url.host_text();
        for &index in self.pools_of(&host) {
            let (id, draft) = (Id::new(index), &self.pools[index]);
            let explicit = self.ir.pools[id].explicit;
            if explicit && !url.no_port {
                let fault = Fault::new(format!("upstream \"{host}\" may not have port {}", url.port));
                return Err(fault.at(directive.arg(0).span).help("the ports are in the upstream block"));
            }
            if explicit || draft.port == Some(url.port) {
                return Ok(id);
            }
        }
        let implied = Some((url.clone(), directive.end));
        self.add_draft(&host, Draft { port: Some(url.port), no_port: url.no_port, implied, ..Draft::default() });
        let pool = Pool { name: url.authority.clone(), span: directive.span, ..Pool::default() };
        Ok(self.ir.pools.push(pool))
    }

    pub(super) fn upstream_server(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(id) = frame.pool else { return Ok(()) };
        let word = directive.arg(0);
        let mut server = PoolServer::new(word.lossy().into_owned(), directive.span);
        let mut resolve = false;
        for word in directive.args.iter().skip(1) {
            match word.is("resolve") {
                true => resolve = true,
                false => parameter(&mut server, word)?,
            }
            let no_backup = !matches!(self.ir.pools[id].balancer, Balancer::RoundRobin | Balancer::LeastConn);
            if server.backup && no_backup {
                let text = format!("balancing method does not support parameter \"{}\"", word.lossy());
                return Err(Fault::new(text).at(word.span));
            }
        }
        let refused = |what: &str| Fault::new(format!("{what} in upstream \"{}\"", word.lossy())).at(word.span);
        let url = parse(&server.name, Kind::Server, 80).map_err(refused)?;
        let unknown = |what| refused(what).help("the name must resolve when the file is read, or write the address");
        match &url.host {
            Host::Name(name) if resolve => server.resolve = Some((name.clone(), url.port)),
            _ => server.addresses = url.addresses(self.loader).map_err(unknown)?,
        }
        self.ir.pools[id].servers.push(server);
        Ok(())
    }

    pub(super) fn balancer(&mut self, keyword: Keyword, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(id) = frame.pool else { return Ok(()) };
        let balancer = match keyword {
            Keyword::IpHash => Balancer::IpHash,
            Keyword::LeastConn => Balancer::LeastConn,
            Keyword::Hash => {
                let consistent = directive.args.get(1);
                expect(consistent, "consistent")?;
                Balancer::Hash { key: Expr::of(directive.arg(0), &mut self.cx)?, consistent: consistent.is_some() }
            }
            _ => {
                expect(directive.args.first(), "two")?;
                expect(directive.args.get(1), "least_conn")?;
                Balancer::Random { two: !directive.args.is_empty() }
            }
        };
        let draft = self.pools.get_mut(id.index());
        if draft.is_some_and(|draft| std::mem::replace(&mut draft.method, true)) {
            let text = "load balancing method redefined";
            self.cx.warn(directive, "nginx::method-redefined", text, directive.name.span);
        }
        self.ir.pools[id].balancer = balancer;
        Ok(())
    }

    pub(super) fn zone(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(id) = frame.pool else { return Ok(()) };
        let (name, size) = (directive.arg(0), directive.args.get(1));
        let refuse = |text: String, word: &Word| Fault::new(text).at(word.span);
        if name.text.is_empty() {
            return Err(refuse(format!("invalid zone name \"{}\"", name.lossy()), name));
        }
        let bytes = match size {
            None => 0,
            Some(word) => {
                let parsed = parse_size(&word.text);
                parsed.ok_or_else(|| refuse(format!("invalid zone size \"{}\"", word.lossy()), word))?
            }
        };
        // nginx wants eight pages.
        if size.is_some() && bytes < 8 * 4096 {
            return Err(refuse(format!("zone \"{}\" is too small", name.lossy()), name).help("write 32k or more"));
        }
        self.cx.zones.declare(&name.lossy(), ZoneUse::Upstream)?;
        self.ir.pools[id].zone = Some((name.lossy().into_owned(), bytes));
        Ok(())
    }

    pub(super) fn keepalive(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(draft) = frame.pool.and_then(|id| self.pools.get_mut(id.index())) else { return Ok(()) };
        if draft.keepalive.connections.is_some() {
            return Err(Fault::verdict("is duplicate"));
        }
        let (word, local) = (directive.arg(0), directive.args.get(1));
        let text = || format!("invalid value \"{}\" in \"keepalive\" directive", word.lossy());
        let number = parse_number(&word.text).ok_or_else(|| Fault::new(text()).at(word.span))?;
        expect(local, "local")?;
        draft.keepalive.connections = Some(Number(number));
        draft.keepalive.local = local.is_some();
        Ok(())
    }

    pub(super) fn keepalive_value(&mut self, row: usize, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(draft) = frame.pool.and_then(|id| self.pools.get_mut(id.index())) else { return Ok(()) };
        UpstreamKeepalive::set(&mut draft.keepalive, row, directive, &mut self.cx)
    }

    pub(super) fn resolver_value(&mut self, row: usize, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(draft) = frame.pool.and_then(|id| self.pools.get_mut(id.index())) else { return Ok(()) };
        UpstreamResolver::set(&mut draft.resolver, row, directive, &mut self.cx)
    }

    /// Groups with names to resolve while requests are served need a name server, and a zone to have them in.
    pub(super) fn finish_resolvers(&mut self, http: &HttpCore) {
        let mut found = Vec::new();
        for pool in self.ir.pools.values_mut() {
            if !pool.servers.iter().any(|server| server.resolve.is_some()) {
                pool.resolver = None;
                continue;
            }
            let (resolver, timeout) = pool.resolver.take().unzip();
            let resolver = resolver.filter(|own: &Resolver| !own.servers.is_empty()).or_else(|| http.resolver.clone());
            let timeout = timeout.filter(|own: &Duration| !own.is_zero());
            let timeout = timeout.unwrap_or_else(|| http.resolver_timeout.duration());
            let (name, at) = (pool.name.clone(), pool.span);
            match (&pool.zone, &resolver) {
                (None, _) => found.push((name, at, "resolving names at run time requires", " to be in shared memory")),
                (_, None) => found.push((name, at, "no resolver defined to resolve names at run time in", "")),
                _ => {}
            }
            pool.resolver = resolver.map(|resolver| (resolver, timeout));
        }
        for (name, at, before, after) in found {
            let place = self.cx.sources.place(at);
            let text = format!("{before} upstream \"{name}\" in {place}{after}");
            let help = "write zone NAME SIZE in the upstream, and resolver ADDRESS there or in http";
            self.fatal("nginx::upstream", text.clone(), text, at, Some(help));
        }
    }

    /// Resolves implied groups and completes all.
    pub(super) fn finish_pools(&mut self) {
        for (index, mut draft) in std::mem::take(&mut self.pools).into_iter().enumerate() {
            let id = Id::new(index);
            if let Some((url, at)) = &draft.implied {
                self.resolve_implied(id, url, *at);
            }
            self.only_backups(id);
            UpstreamKeepalive::fill_defaults(&mut draft.keepalive, &mut self.cx);
            let resolver = UpstreamResolver::finish(&draft.resolver);
            let pool = item(&mut self.ir.pools, id);
            // Until what holds in `http` is known the missing part is empty.
            let timeout = resolver.timeout.map(|timeout| timeout.duration());
            pool.resolver = Some((resolver.resolver.unwrap_or_default(), timeout.unwrap_or_default()));
            pool.keepalive = UpstreamKeepalive::finish(&draft.keepalive);
            // Since 1.29.7 every group that is written keeps 32 connections, each for its own location.
            let written = draft.implied.is_none();
            if written && pool.keepalive.connections.is_none() && self.cx.compat.nginx >= (1, 29) {
                pool.keepalive.connections = Some(Number(32));
                pool.keepalive.local = true;
            }
        }
    }

    fn only_backups(&mut self, id: Id<Pool>) {
        let pool = &self.ir.pools[id];
        if !pool.servers.is_empty() && pool.servers.iter().all(|server| server.backup) {
            let (text, at) = (format!("no servers in upstream \"{}\"", pool.name), pool.span);
            let help = Some("one server must be without \"backup\"".to_owned());
            self.cx.emerg("nginx::upstream", text, at, last_byte(at), help);
        }
    }

    fn resolve_implied(&mut self, id: Id<Pool>, url: &Url, at: Span) {
        match url.addresses(self.loader) {
            Ok(addresses) => {
                let server = PoolServer { addresses, ..PoolServer::new(url.authority.clone(), at) };
                self.ir.pools[id].servers.push(server);
            }
            Err(what) => {
                let text = format!("{what} in upstream \"{}\"", url.host_text());
                let help = "define an upstream of this name, or write an address that resolves".to_owned();
                let at = self.ir.pools[id].span;
                self.cx.emerg("nginx::upstream", text, at, last_byte(at), Some(help));
            }
        }
    }
}

impl Url {
    /// The host as nginx compares it.
    fn host_text(&self) -> String {
        match &self.host {
            Host::Ip(ip) if ip.is_ipv6() => format!("[{ip}]"),
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name.clone(),
            Host::Unix(_) => self.authority.clone(),
        }
    }
}

impl PoolServer {
    /// A server with nginx's defaults and no address yet.
    pub fn new(name: String, span: Span) -> Self {
        PoolServer {
            name,
            addresses: Vec::new(),
            resolve: None,
            weight: 1,
            max_conns: 0,
            max_fails: 1,
            fail_timeout: Duration::from_secs(10),
            backup: false,
            down: false,
            span,
        }
    }
}

/// A block directive without what is inside.
fn head(directive: &Directive) -> Span {
    directive.name.span.to(directive.end)
}

/// Where nginx stood when it had read a directive.
fn last_byte(span: Span) -> Span {
    Span { start: span.end.saturating_sub(1), ..span }
}

/// A word that may only be `allowed`.
fn expect(word: Option<&Word>, allowed: &str) -> Result<(), Fault> {
    match word {
        Some(word) if !word.is(allowed) => {
            let fault = Fault::new(format!("invalid parameter \"{}\"", word.lossy())).at(word.span);
            Err(fault.help(format!("only \"{allowed}\" may stand here")))
        }
        _ => Ok(()),
    }
}

fn parameter(server: &mut PoolServer, word: &Word) -> Result<(), Fault> {
    let text = word.lossy();
    let invalid = || Fault::new(format!("invalid parameter \"{text}\"")).at(word.span);
    let number = |value: &str| parse_number(value.as_bytes()).and_then(|number| u32::try_from(number).ok());
    match text.split_once('=') {
        Some(("weight", value)) => {
            server.weight = number(value).filter(|weight| *weight > 0).ok_or_else(invalid)?;
        }
        Some(("max_conns", value)) => server.max_conns = number(value).ok_or_else(invalid)?,
        Some(("max_fails", value)) => server.max_fails = number(value).ok_or_else(invalid)?,
        Some(("fail_timeout", value)) => {
            let time = parse_time(value.as_bytes(), true).ok_or_else(invalid)?;
            server.fail_timeout = Duration::from_millis(time);
        }
        None if text == "backup" => server.backup = true,
        None if text == "down" => server.down = true,
        None if text == "drain" => {
            return Err(invalid().help("known to nginx, not built into rkeep yet"));
        }
        Some(("route" | "service", _)) => return Err(invalid().help("known to nginx, not built into rkeep yet")),
        _ => return Err(invalid().help("one of weight=, max_conns=, max_fails=, fail_timeout=, backup, down")),
    }
    Ok(())
}
