//! The blocks of the main and `http` levels, and who takes each structural directive.

use super::{Frame, Lowering};
use crate::diag::Class;
use crate::diag::Diagnostic;
use crate::ir::http::{Handler, Location, Match, Protocol, Server};
use crate::nginx::blocks::Keyword;
use crate::nginx::{LocationConf, ServerConf, ServerLayers};
use crate::source::Span;
use crate::syntax::tree::{Block, Directive};
use crate::table::{Contexts, Fault};

impl Lowering<'_> {
    pub(super) fn structural(&mut self, keyword: Keyword, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        match keyword {
            Keyword::Events => self.events(directive, frame),
            Keyword::Http => self.http(directive, frame),
            Keyword::Server => self.server(directive, frame),
            Keyword::Listen => self.listen(directive, frame),
            Keyword::ServerName => self.server_name(directive, frame),
            Keyword::Location => self.location_block(directive, frame),
            Keyword::LimitExcept => self.limit_except(directive, frame),
            Keyword::Upstream => self.upstream(directive, frame),
            Keyword::UpstreamServer => self.upstream_server(directive, frame),
            Keyword::IpHash | Keyword::LeastConn | Keyword::Hash | Keyword::Random => {
                self.balancer(keyword, directive, frame)
            }
            Keyword::Zone => self.zone(directive, frame),
            Keyword::Keepalive => self.keepalive(directive, frame),
            Keyword::ProxyCachePath | Keyword::FastCgiCachePath | Keyword::ScgiCachePath | Keyword::UwsgiCachePath => {
                self.cache_path(directive)
            }
            Keyword::ProxyPass => self.proxy_pass(directive, frame),
            Keyword::FastCgiPass => self.backend_pass(directive, frame, Protocol::FastCgi),
            Keyword::GrpcPass => self.backend_pass(directive, frame, Protocol::Grpc),
            Keyword::ScgiPass => self.backend_pass(directive, frame, Protocol::Scgi),
            Keyword::UwsgiPass => self.backend_pass(directive, frame, Protocol::Uwsgi),
            Keyword::MemcachedPass => self.backend_pass(directive, frame, Protocol::Memcached),
            Keyword::StubStatus => self.handler(Handler::StubStatus, frame),
            Keyword::EmptyGif => self.handler(Handler::EmptyGif, frame),
            Keyword::LogFormat => self.log_format(directive),
            Keyword::Set => self.set(directive, frame),
            Keyword::If => self.if_block(directive, frame),
            Keyword::Rewrite => self.rewrite(directive, frame),
            Keyword::Return => self.return_(directive, frame),
            Keyword::Break => self.break_(frame),
            Keyword::Map => self.map(directive),
            Keyword::Geo => self.geo(directive),
            Keyword::SplitClients => self.split_clients(directive),
            Keyword::LimitReqZone => self.limit_req_zone(directive),
            Keyword::LimitConnZone => self.limit_conn_zone(directive),
            Keyword::CharsetMap => self.charset_map(directive),
            // Those that are well formed were replaced by what they name.
            Keyword::Include => Ok(()),
        }
    }

    /// What stood in a block; each goes as soon as it is read.
    fn items(&mut self, block: &Block, items: Vec<Directive>, frame: Frame) {
        let count = items.len();
        for (at, item) in items.into_iter().enumerate() {
            self.cx.broken_before(block, at);
            self.directive(&item, frame);
        }
        self.cx.broken_after(block, count);
    }

    fn inside(&mut self, directive: &Directive, frame: Frame) {
        if let Some(block) = &directive.block {
            self.block(block, frame);
        }
    }

    fn events(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        if self.events_at.replace(directive.span).is_some() {
            return Err(Fault::verdict("is duplicate"));
        }
        self.inside(directive, frame.in_context(Contexts::EVENTS));
        Ok(())
    }

    fn http(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        if self.http_at.replace(directive.span).is_some() {
            return Err(Fault::verdict("is duplicate"));
        }
        let inner = frame.in_context(Contexts::HTTP);
        let items = std::mem::take(&mut self.http_items);
        match directive.block.as_deref().filter(|block| block.items.is_empty()) {
            Some(block) => self.items(block, items, inner),
            None => self.inside(directive, inner),
        }
        let close = directive.block.as_ref().map_or(directive.end, |block| block.close);
        self.finish_http(close);
        Ok(())
    }

    fn server(&mut self, directive: &Directive, frame: Frame) -> Result<(), Fault> {
        let root = self.add_location(Location::new(Match::Server, Vec::new(), directive.span));
        self.servers.push(ServerLayers::default());
        let server = Server { names: Vec::new(), conf: ServerConf::unknown(), root, span: directive.span };
        let id = self.ir.servers.push(server);
        let inner = Frame { context: Contexts::SERVER, server: Some(id), location: Some(root), ..frame };
        self.inside(directive, inner);
        self.default_listen(id, close_of(directive));
        Ok(())
    }

    /// What answers in a location: nginx takes the last that is written.
    pub(super) fn handler(&mut self, handler: Handler, frame: Frame) -> Result<(), Fault> {
        if let Some(draft) = frame.location.and_then(|id| self.location(id)) {
            draft.handler = Some(handler);
        }
        Ok(())
    }

    /// The block of a directive, read in a frame.
    pub(super) fn read(&mut self, block: &Option<Box<Block>>, frame: Frame) {
        block.iter().for_each(|block| self.block(block, frame));
    }

    /// An error that belongs to no directive's words: nginx prints it without a place of its own.
    pub(super) fn fatal(&mut self, code: &'static str, text: String, line: String, at: Span, help: Option<&str>) {
        let mut found = Diagnostic::error(code, text).legacy(Class::NginxEmerg, line);
        if at.is_written() {
            found = found.at(at, "");
        }
        found.help = help.map(str::to_owned);
        self.cx.diagnostics.push(found);
    }
}

/// Where a directive's block ends.
pub(super) fn close_of(directive: &Directive) -> Span {
    directive.block.as_ref().map_or(directive.end, |block| block.close)
}

impl Location {
    /// A location of which nothing but its place is known.
    pub(super) fn new(matched: Match, name: Vec<u8>, span: Span) -> Location {
        Location {
            matched,
            conf: LocationConf::unknown(),
            handler: Handler::Static,
            script: Vec::new(),
            children: Vec::new(),
            limit_except: None,
            auto_redirect: false,
            name,
            span,
        }
    }
}
