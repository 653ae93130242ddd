//! `proxy_pass`: to whom, with which URI.

use super::url::{Kind, parse};
use super::{Frame, Lowering};
use crate::ir::Id;
use crate::ir::expr::{Expr, Part};
use crate::ir::http::{Handler, Location, Match, Protocol, ProxyPass, Target};
use crate::syntax::tree::Directive;
use crate::table::Fault;

const NO_URI: &str = "\"proxy_pass\" cannot have URI part in location given by regular expression, or inside named \
                      location, or inside \"if\" statement, or inside \"limit_except\" block";

impl Lowering<'_> {
    pub(super) fn proxy_pass(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let Some(id) = frame.location else { return Ok(()) };
        if self.drafts.get(id.index()).is_some_and(|draft| matches!(draft.handler, Some(Handler::Proxy(_)))) {
            return Err(Fault::verdict("is duplicate"));
        }
        let location = &mut self.ir.locations[id];
        location.auto_redirect |= location.name.ends_with(b"/") && prefix_like(&location.matched);
        let pass = match directive.arg(0).text.contains(&b'$') {
            true => self.dynamic(directive)?,
            false => self.constant(directive, id)?,
        };
        self.handler(Handler::Proxy(Box::new(pass)), frame)
    }

    fn dynamic(&mut self, directive: &Directive) -> Result<ProxyPass, Fault> {
        let word = directive.arg(0);
        let https = word.text.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"https://"));
        Ok(ProxyPass {
            protocol: Protocol::Http,
            https,
            target: Target::Dynamic(Expr::of(word, &mut self.cx)?),
            uri: None,
            host: Vec::new(),
            port: if https { 443 } else { 80 },
            url: word.text.to_vec(),
            replaced: Vec::new(),
            key: None,
            span: directive.span,
        })
    }

    fn constant(&mut self, directive: &Directive, id: Id<Location>) -> Result<ProxyPass, Fault> {
        let word = directive.arg(0);
        let text = word.lossy();
        let scheme = |scheme: &str| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
        let https = scheme("https://");
        let behind = match (https, scheme("http://")) {
            (true, _) => text.get(8..).unwrap_or_default(),
            (_, true) => text.get(7..).unwrap_or_default(),
            _ => return Err(Fault::new("invalid URL prefix").at(word.span).help("write http:// before the host")),
        };
        let refused = |what: &str| Fault::new(format!("{what} in upstream \"{behind}\"")).at(word.span);
        let url = parse(behind, Kind::Pass, if https { 443 } else { 80 }).map_err(refused)?;
        let pool = self.implied_pool(&url, directive)?;
        let location = &self.ir.locations[id];
        let keeps_uri = prefix_like(&location.matched);
        if url.uri.is_some() && !keeps_uri {
            return Err(Fault::new(NO_URI).at(word.span).help("end the URL after the host"));
        }
        Ok(ProxyPass {
            protocol: Protocol::Http,
            https,
            target: Target::Pool(pool),
            uri: url.uri,
            // A backend on a unix socket has no name.
            host: if url.authority.starts_with("unix:") { b"localhost".to_vec() } else { url.authority.into_bytes() },
            port: url.port,
            url: word.text.to_vec(),
            replaced: if keeps_uri { location.name.clone() } else { Vec::new() },
            key: None,
            span: directive.span,
        })
    }

    /// `fastcgi_pass` and its like: an address, with a scheme only where the protocol has some.
    pub(super) fn backend_pass(
        &mut self,
        directive: &Directive,
        frame: Frame,
        protocol: Protocol,
    ) -> Result<(), Fault> {
        let Some(id) = frame.location else { return Ok(()) };
        if self.drafts.get(id.index()).is_some_and(|draft| matches!(draft.handler, Some(Handler::Proxy(_)))) {
            return Err(Fault::verdict("is duplicate"));
        }
        let location = &mut self.ir.locations[id];
        location.auto_redirect |= location.name.ends_with(b"/") && prefix_like(&location.matched);
        let word = directive.arg(0);
        let text = word.lossy();
        let (https, bare) = without_scheme(&text, protocol);
        let (target, host) = if word.text.contains(&b'$') {
            (Target::Dynamic(Expr::of(word, &mut self.cx)?), Vec::new())
        } else {
            let refused = |what: &str| {
                let fault = Fault::new(format!("{what} in upstream \"{bare}\"")).at(word.span);
                if bare.contains("://") { fault.help(schemes(protocol)) } else { fault }
            };
            let url = parse(bare, Kind::Server, 0).map_err(refused)?;
            let unix = protocol == Protocol::Grpc && url.authority.starts_with("unix:");
            let host = if unix { b"localhost".to_vec() } else { url.authority.clone().into_bytes() };
            (Target::Pool(self.implied_pool(&url, directive)?), host)
        };
        let asked =
            (protocol == Protocol::Memcached).then(|| self.cx.variables.lookup("memcached_key", directive.span));
        let pass = ProxyPass {
            protocol,
            https,
            target,
            uri: None,
            host,
            port: 0,
            url: word.text.to_vec(),
            replaced: Vec::new(),
            key: asked.map(|key| Expr::from([Part::Var(key)])),
            span: directive.span,
        };
        self.handler(Handler::Proxy(Box::new(pass)), frame)
    }

    /// `proxy_redirect default` takes its rule from the `proxy_pass` before it.
    pub(super) fn redirect_default(&self, id: Id<Location>) -> Result<(), Fault> {
        match self.drafts.get(id.index()).and_then(|draft| draft.handler.as_ref()) {
            Some(Handler::Proxy(pass)) if matches!(pass.target, Target::Dynamic(_)) => Err(Fault::new(
                "\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables",
            )),
            Some(Handler::Proxy(_)) => Ok(()),
            _ => Err(Fault::new("\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive")),
        }
    }
}

/// Whether a URL asks for TLS, and what follows its scheme.
fn without_scheme(text: &str, protocol: Protocol) -> (bool, &str) {
    let after = |https| {
        let scheme = protocol.scheme(https);
        let (head, rest) = text.split_at_checked(scheme.len())?;
        (protocol.has_schemes() && head.eq_ignore_ascii_case(scheme)).then_some((https, rest))
    };
    after(false).or_else(|| after(true)).unwrap_or((false, text))
}

/// What addresses may begin with.
fn schemes(protocol: Protocol) -> String {
    match protocol.has_schemes() {
        true => format!("{} or {} may stand before the address", protocol.scheme(false), protocol.scheme(true)),
        false => "an address without a scheme".to_owned(),
    }
}

/// A location whose name is the beginning of the URIs that enter it.
fn prefix_like(matched: &Match) -> bool {
    matches!(matched, Match::Exact(_) | Match::Prefix { .. } | Match::Server)
}
