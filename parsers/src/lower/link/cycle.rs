//! Requests that come back to where they were: a listener proxies to the peer or to a virtual server that sends them here
//! again.

use std::net::SocketAddr;

use super::{Side, takes};
use crate::diag::Diagnostic;
use crate::ir::http::{Address, Handler, Listener, ProxyPass, Target};
use crate::ir::service::{RealServer, Service};
use crate::source::Span;

/// One way a request can go on from an address.
struct Hop {
    to: SocketAddr,
    /// Where it is written, in the common map.
    span: Span,
}

/// The network of addresses that both files describe.
struct Network<'a> {
    nginx: Side<'a>,
    keepalived: Side<'a>,
}

/// How many addresses one way may pass.
const LONGEST: usize = 16;

/// One finding for each listener whose requests can come back to it.
pub(super) fn findings(nginx: Side<'_>, keepalived: Side<'_>) -> Vec<Diagnostic> {
    let network = Network { nginx, keepalived };
    let mut found: Vec<Diagnostic> = Vec::new();
    for start in network.starts() {
        let mut way = Vec::new();
        if network.returns(start, start, &mut way) && !found.iter().any(|known| same_place(known, &way)) {
            found.push(network.finding(start, &way));
        }
    }
    found
}

fn same_place(known: &Diagnostic, way: &[Hop]) -> bool {
    let at = known.at.as_ref().map(|label| label.span);
    way.iter().any(|hop| Some(hop.span) == at)
}

impl<'a> Network<'a> {
    /// Virtual servers' addresses, then listeners'.
    fn starts(&self) -> Vec<SocketAddr> {
        let services = self.keepalived.ir.services.values().map(|service| service.address);
        let listeners = self.nginx.ir.listeners.values().filter_map(|listener| match &listener.address {
            Address::Inet(address) if !address.ip().is_unspecified() => Some(*address),
            _ => None,
        });
        services.chain(listeners).collect()
    }

    /// Whether a way leads from `at` back to `start`, or to an address it has passed; it is left in `way`.
    fn returns(&self, start: SocketAddr, at: SocketAddr, way: &mut Vec<Hop>) -> bool {
        if way.len() >= LONGEST {
            return false;
        }
        for hop in self.hops(at) {
            let (to, passed) = (hop.to, way.iter().any(|passed| passed.to == hop.to));
            way.push(hop);
            if to == start || passed || self.returns(start, to, way) {
                return true;
            }
            way.pop();
        }
        false
    }

    /// Where a connection to an address goes on to.
    fn hops(&self, at: SocketAddr) -> Vec<Hop> {
        if let Some(service) = self.service(at) {
            let hop = |real: &RealServer| Hop { to: real.address, span: self.keepalived.span(real.span) };
            return service.real_servers.iter().map(hop).collect();
        }
        self.listener(at).map(|listener| self.proxied(listener)).unwrap_or_default()
    }

    fn service(&self, at: SocketAddr) -> Option<&'a Service> {
        self.keepalived.ir.services.values().find(|service| service.address == at)
    }

    /// The listener behind an address: one of this file, or, for a real server that is not in it, the peer's that
    /// corresponds to this box's: directors run the same file but for their own address.
    fn listener(&self, at: SocketAddr) -> Option<&'a Listener> {
        let listeners = || self.nginx.ir.listeners.values();
        let is_real = |address: SocketAddr| {
            let mut reals = self.keepalived.ir.services.values().flat_map(|service| &service.real_servers);
            reals.any(|real| real.address == address)
        };
        let own = listeners().find(|listener| takes(listener, at));
        own.or_else(|| {
            let bound = |listener: &&Listener| match &listener.address {
                Address::Inet(address) => address.port() == at.port() && is_real(*address),
                Address::Unix(_) => false,
            };
            is_real(at).then(|| listeners().find(bound)).flatten()
        })
    }

    /// Where the requests of a listener are passed on with their URI as it is. A listener with several servers chooses by
    /// name, which may break the circle, so it counts as an end.
    fn proxied(&self, listener: &Listener) -> Vec<Hop> {
        let [server] = listener.servers[..] else { return Vec::new() };
        let ir = self.nginx.ir;
        let Some(root) = ir.servers.get(server).map(|server| server.root) else { return Vec::new() };
        let (mut hops, mut open) = (Vec::new(), vec![root]);
        while let Some(id) = open.pop() {
            let Some(location) = ir.locations.get(id) else { continue };
            open.extend(&location.children);
            if let Handler::Proxy(pass) = &location.handler {
                hops.extend(self.passed(pass));
            }
        }
        hops
    }

    fn passed(&self, pass: &ProxyPass) -> Vec<Hop> {
        let pool = match pass.target {
            Target::Pool(pool) if pass.uri.is_none() => self.nginx.ir.pools.get(pool),
            _ => None,
        };
        let servers = pool.into_iter().flat_map(|pool| &pool.servers).filter(|server| !server.down);
        let hops = servers.flat_map(|server| {
            let span = if server.span.is_written() { server.span } else { pass.span };
            let span = self.nginx.span(span);
            server.addresses.iter().filter_map(move |address| match address {
                Address::Inet(to) => Some(Hop { to: *to, span }),
                Address::Unix(_) => None,
            })
        });
        hops.collect()
    }

    fn finding(&self, start: SocketAddr, way: &[Hop]) -> Diagnostic {
        let names: Vec<String> =
            std::iter::once(start).chain(way.iter().map(|hop| hop.to)).map(|at| at.to_string()).collect();
        let message = format!("requests can go in a circle: {}", names.join(" → "));
        let backwards = |hop: &&Hop| self.service(hop.to).is_some() || self.listener(hop.to).is_some();
        let in_nginx = way.iter().filter(backwards).find(|hop| !self.in_keepalived(hop.span));
        let blamed = in_nginx.or(way.first()).map_or(Span::NONE, |hop| hop.span);
        let help = "let the directors' nginx pass requests to web servers only, not to a director or a virtual address";
        let finding = Diagnostic::error("link::cycle", message).at(blamed, "leads back").help(help);
        way.iter().filter(|hop| hop.span != blamed).fold(finding, |finding, hop| finding.also(hop.span, "on the way"))
    }

    fn in_keepalived(&self, span: Span) -> bool {
        self.keepalived
            .ir
            .services
            .values()
            .flat_map(|service| &service.real_servers)
            .any(|real| self.keepalived.span(real.span) == span)
    }
}
