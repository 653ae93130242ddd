//! What nginx does at the end of `http` and of the file: inheritance, handlers, checks of the whole.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Draft, Lowering};
use crate::ir::Id;
use crate::ir::http::{Handler, Location, Match, Op, Protocol};
use crate::nginx::{HeadersLayer, LocationConf, LocationLayers, LocationLevel};
use crate::source::{Span, Spanned};
use crate::table::value::HttpVersion;

impl Lowering<'_> {
    /// The end of `http`; `close` is its brace, where nginx sees mistakes of the whole.
    pub(super) fn finish_http(&mut self, close: Span) {
        self.inherit_error_log();
        self.finish_pools();
        let server_level = self.http_server.outermost(&mut self.cx);
        let level = self.http.outermost(&mut self.cx);
        self.finish_resolvers(&level.conf().core);
        let ids: Vec<_> = self.ir.servers.iter().map(|(id, server)| (id, server.root)).collect();
        for (id, root) in ids {
            let layers = self.servers.get_mut(id.index()).map(std::mem::take).unwrap_or_default();
            self.ir.servers[id].conf = Arc::new(layers.inside(&server_level).conf());
            self.merge(root, &level, None, close);
        }
        self.finish_tls();
        self.duplicate_locations();
        self.unknown_variables();
        self.finish_names();
        self.undeclared_zones();
    }

    /// Without an `error_log` of its own `http` logs where the process does.
    fn inherit_error_log(&mut self) {
        let core = self.http.core.get_or_insert_default();
        if core.error_log.is_none() {
            let main = self.main.outermost(&mut self.cx).conf();
            core.error_log = Some(Spanned::new(main.core.error_log.clone(), Span::NONE));
        }
    }

    fn merge(&mut self, id: Id<Location>, outer: &LocationLevel, around: Option<&Handler>, close: Span) {
        let draft = self.drafts.get_mut(id.index()).map(std::mem::take).unwrap_or_default();
        let Draft { layers, handler } = draft;
        let mut layers = layers.map(Arc::unwrap_or_clone).unwrap_or_default();
        HeadersLayer::inherit_fields(&mut layers.headers, outer.headers());
        self.secure_link(id, &mut layers, close);
        let location = &mut self.ir.locations[id];
        let inner: Vec<_> = inner_locations(location).collect();
        let (mut conf, level) = if inner.is_empty() {
            (layers.innermost(outer), None)
        } else {
            let level = layers.inside(outer);
            (level.conf(), Some(level))
        };
        location.handler = handler.or_else(|| inherited(&location.matched, around)).unwrap_or_default();
        if let Handler::Proxy(pass) = &location.handler {
            speak(&mut conf, pass.protocol);
        }
        location.conf = self.recent.share(conf);
        let handler = level.is_some().then(|| location.handler.clone());
        super::checks::location(&mut self.cx, &self.ir.locations[id], close);
        for id in inner {
            self.merge(id, level.as_ref().unwrap_or(outer), handler.as_ref(), close);
        }
    }

    /// The two ways of checking links exclude each other: a level's own replaces the other one of the outer level.
    fn secure_link(&mut self, id: Id<Location>, layers: &mut LocationLayers, close: Span) {
        let Some(layer) = &mut layers.secure_link else { return };
        let nothing = Span::NONE;
        match (&layer.secret, layer.link.is_some() || layer.md5.is_some()) {
            (Some(_), true) => {
                let text = "\"secure_link_secret\" cannot be mixed with \"secure_link\" and \"secure_link_md5\"";
                let help = Some("keep one of the two ways".to_owned());
                self.cx.emerg("nginx::secure-link", text, self.ir.locations[id].span, close, help);
            }
            (Some(_), false) => {
                layer.link = Some(Spanned::new(None, nothing));
                layer.md5 = Some(Spanned::new(None, nothing));
            }
            (None, true) => layer.secret = Some(Spanned::new(None, nothing)),
            (None, false) => {}
        }
    }

    fn duplicate_locations(&mut self) {
        let mut found = Vec::new();
        for outer in self.ir.locations.values() {
            let mut seen = HashSet::new();
            for location in outer.children.iter().filter_map(|id| self.ir.locations.get(*id)) {
                let key = match &location.matched {
                    Match::Exact(path) => (true, path),
                    Match::Prefix { path, .. } => (false, path),
                    _ => continue,
                };
                if !seen.insert(key) {
                    found.push((String::from_utf8_lossy(&location.name).into_owned(), location.span));
                }
            }
        }
        for (name, span) in found {
            let end = Span { start: span.end.saturating_sub(1), ..span };
            let help = Some("join the two blocks, or delete one".to_owned());
            self.cx.emerg("nginx::duplicate-location", format!("duplicate location \"{name}\""), span, end, help);
        }
    }

    fn unknown_variables(&mut self) {
        let unknown = |var: &&crate::ir::expr::UserVariable| var.defined.is_none() && var.used.is_some();
        let all: Vec<_> = self.cx.variables.all().iter().filter(unknown).cloned().collect();
        for variable in all {
            let text = format!("unknown \"{}\" variable", variable.name);
            let at = variable.used.unwrap_or(Span::NONE);
            let help = "no set, map or named group defines it";
            self.fatal("nginx::unknown-variable", text.clone(), text, at, Some(help));
        }
    }

    /// A zone may be declared after its use, but it must be.
    fn undeclared_zones(&mut self) {
        if let Some((name, at)) = self.cx.zones.unknown_cache() {
            let text = format!("\"proxy_cache\" zone \"{name}\" is unknown");
            self.fatal("nginx::zone", text.clone(), text, at, Some("no proxy_cache_path declares it"));
        }
        let Some((name, at)) = self.cx.zones.undeclared() else { return };
        let text = format!("zero size shared memory zone \"{name}\"");
        let help = "no limit_req_zone or limit_conn_zone declares it";
        self.fatal("nginx::zone", text.clone(), text, at, Some(help));
    }

    /// The end of the file.
    pub(super) fn finish_main(&mut self) {
        if self.events_at.is_none() {
            let text = "no \"events\" section in configuration";
            let help = "add a line to the main level: events {}";
            // The main file is the last that no other includes: `-g` comes before it.
            let tops = self.cx.sources.iter().filter(|(_, file)| file.included_at.is_none());
            let start = tops.last().map_or(Span::NONE, |(file, _)| Span { file, start: 0, end: 0 });
            self.fatal("nginx::no-events", text.to_owned(), text.to_owned(), start, Some(help));
        }
        let mut main = self.main.outermost(&mut self.cx).conf();
        let core = Arc::make_mut(&mut main.core);
        core.pid = self.cx.full_path(core.pid.as_bytes()).to_string_lossy().into_owned();
        self.ir.process = Some(main);
    }
}

/// The locations that take over what holds here: children, `if` blocks, `limit_except`.
fn inner_locations(location: &Location) -> impl Iterator<Item = Id<Location>> {
    let conditions = location.script.iter().filter_map(|op| match op {
        Op::If { location, .. } => Some(*location),
        _ => None,
    });
    location.children.iter().copied().chain(conditions).chain(location.limit_except)
}

/// An `if` block answers as the location around it, a `limit_except` block only where that is a proxy.
fn inherited(matched: &Match, around: Option<&Handler>) -> Option<Handler> {
    match (matched, around) {
        (Match::If, Some(handler)) => Some(handler.clone()),
        (Match::LimitExcept { .. }, Some(handler @ Handler::Proxy(_))) => Some(handler.clone()),
        _ => None,
    }
}

/// Says what holds for a backend of another protocol in the words of `proxy_pass`.
fn speak(conf: &mut LocationConf, protocol: Protocol) {
    let proxy = match protocol {
        Protocol::Http => return,
        Protocol::FastCgi => conf.fastcgi.as_proxy(),
        Protocol::Grpc => {
            conf.proxy_ssl = Arc::new(conf.grpc_ssl.as_proxy());
            conf.grpc.as_proxy()
        }
        Protocol::Scgi => conf.scgi.as_proxy(),
        Protocol::Uwsgi => {
            conf.proxy_ssl = Arc::new(conf.uwsgi_ssl.as_proxy());
            conf.uwsgi.as_proxy()
        }
        Protocol::Memcached => conf.memcached.as_proxy(),
    };
    let http_version = match protocol {
        Protocol::Grpc => HttpVersion::Http20,
        // It can pass a body whose length is not known.
        Protocol::FastCgi => HttpVersion::Http11,
        _ => HttpVersion::Http10,
    };
    conf.proxy = Arc::new(crate::nginx::Proxy { http_version, ..proxy });
}
