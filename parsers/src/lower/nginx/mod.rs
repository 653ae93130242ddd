//! nginx.conf → IR, in the order in which nginx reads: first every directive of every block, then, at the end of
//! `http`, inheritance and what can be known only then.

mod blocks;
mod cache_path;
mod charset_map;
mod checks;
mod finish;
mod geo;
mod limit_zone;
mod listen;
mod location;
mod log_format;
mod main;
mod map;
mod names;
mod pragma;
mod proxy_pass;
mod recent;
mod rewrite;
mod setup;
mod split_clients;
mod tls;
mod upstream;
mod url;
mod walk;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub use setup::{Layout, Setup};
pub(crate) use walk::index;

use super::Loaded;
use crate::diag::{Class, Diagnostic};
use crate::ir::Ir;
use crate::ir::http::{Address, Handler, Listener, Location, Server};
use crate::ir::pool::Pool;
use crate::ir::{Arena, Id};
use crate::nginx::{LocationConf, LocationLayers, MainLayers, ServerLayers};
use crate::source::{Loader, Span};
use crate::syntax::include::Reader;
use crate::syntax::tree::{Block, Directive};
use crate::table::{Compat, Contexts, Cx};
use recent::Recent;

/// Reads a configuration: `path` is the main file, `prefix` what relative paths are below, `globals` the text of `-g`.
pub fn load(path: &Path, prefix: &Path, globals: Option<&str>, loader: &dyn Loader, compat: Compat) -> Loaded {
    let globals = globals.map(str::to_owned);
    Setup { path: path.to_owned(), prefix: prefix.to_owned(), globals, compat, ..Setup::default() }.load(loader)
}

impl Setup {
    /// Reads the configuration.
    pub fn load(&self, loader: &dyn Loader) -> Loaded {
        let conf_dir = self.path.parent().unwrap_or(Path::new("/")).to_owned();
        let mut reader = Reader::new(loader, conf_dir.clone());
        let globals = self.globals.as_deref().map(|text| reader.command_line(text));
        let mut main = match reader.main(&self.path) {
            Ok(block) => block,
            Err(error) => return unreadable(&self.path, &error, reader),
        };
        let mut cx = Cx {
            compat: self.compat,
            prefix: self.prefix.clone(),
            conf_dir,
            sources: Arc::new(reader.sources),
            ..Cx::default()
        };
        pragma::read(&mut cx);
        cx.defaults = self.layout.defaults(cx.compat);
        let mut lowering = Lowering::new(cx, loader, self);
        globals.iter().for_each(|block| lowering.block(block, Frame::MAIN));
        lowering.http_items = http_items(&mut main);
        lowering.block(&main, Frame::MAIN);
        lowering.finish()
    }
}

/// Takes what stands in `http` out of its block, so that each server's part of the tree can go once it is read.
fn http_items(main: &mut Block) -> Vec<Directive> {
    let http = main.items.iter_mut().find(|directive| directive.name.is("http"));
    http.and_then(|http| http.block.as_mut()).map(|block| std::mem::take(&mut block.items)).unwrap_or_default()
}

/// The main file cannot be read.
fn unreadable(path: &Path, error: &std::io::Error, reader: Reader<'_>) -> Loaded {
    let shown = error.to_string();
    let words = shown.rsplit_once(" (os error").map_or(shown.as_str(), |(words, _)| words);
    let text = format!("open() \"{}\" failed ({}: {words})", path.display(), error.raw_os_error().unwrap_or(5));
    let found = Diagnostic::error("nginx::unreadable", text.clone()).legacy(Class::NginxEmerg, text);
    Loaded { ir: None, sources: reader.sources, diagnostics: vec![found] }
}

/// The block that is being read.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Which kind it is.
    context: Contexts,
    /// The server around it.
    server: Option<Id<Server>>,
    /// The location it is: a server's own level too.
    location: Option<Id<Location>>,
    /// The upstream it is.
    pool: Option<Id<Pool>>,
}

impl Frame {
    const MAIN: Frame = Frame { context: Contexts::MAIN, server: None, location: None, pool: None };

    fn in_context(self, context: Contexts) -> Frame {
        Frame { context, ..self }
    }
}

/// A location while it is being read.
#[derive(Debug, Default)]
struct Draft {
    /// What is written there; none where nothing is.
    layers: Option<Arc<LocationLayers>>,
    handler: Option<Handler>,
}

/// The state of the reading.
struct Lowering<'a> {
    cx: Cx,
    loader: &'a dyn Loader,
    setup: &'a Setup,
    ir: Ir,
    main: MainLayers,
    http: LocationLayers,
    http_server: ServerLayers,
    /// By `Id<Location>`.
    drafts: Vec<Draft>,
    /// By `Id<Server>`.
    servers: Vec<ServerLayers>,
    /// By `Id<Pool>`.
    pools: Vec<upstream::Draft>,
    /// Indices of `pools` by lower-cased host.
    pools_by_host: HashMap<String, Vec<usize>>,
    /// The blocks that may stand once.
    events_at: Option<Span>,
    http_at: Option<Span>,
    /// What stands in `http`, until it is read.
    http_items: Vec<Directive>,
    /// Modules that were to be loaded and are not built in.
    missing_modules: Vec<String>,
    /// Servers that have a `listen`.
    listening: Vec<Id<Server>>,
    by_address: HashMap<Address, Id<Listener>>,
    /// Sockets whose options are written.
    options_set: Vec<Id<Listener>>,
    /// Levels whose values are known already.
    recent: Recent<LocationConf>,
    /// Locations that have been read.
    recently_read: Recent<LocationLayers>,
    /// Where each server's names are written, in order.
    names_at: Vec<(Id<Server>, Span)>,
}

impl<'a> Lowering<'a> {
    fn new(cx: Cx, loader: &'a dyn Loader, setup: &'a Setup) -> Self {
        let mut lowering = Lowering {
            cx,
            loader,
            setup,
            ir: Ir::default(),
            main: MainLayers::default(),
            http: LocationLayers::default(),
            http_server: ServerLayers::default(),
            drafts: Vec::new(),
            servers: Vec::new(),
            pools: Vec::new(),
            pools_by_host: HashMap::new(),
            events_at: None,
            http_at: None,
            http_items: Vec::new(),
            missing_modules: Vec::new(),
            recent: Recent::default(),
            recently_read: Recent::default(),
            listening: Vec::new(),
            by_address: HashMap::new(),
            options_set: Vec::new(),
            names_at: Vec::new(),
        };
        lowering.built_in_format();
        lowering
    }

    /// Directives of a block, with what could not be read among them.
    fn block(&mut self, block: &Block, frame: Frame) {
        for (at, directive) in block.items.iter().enumerate() {
            self.cx.broken_before(block, at);
            self.directive(directive, frame);
        }
        self.cx.broken_after(block, block.items.len());
    }

    fn location(&mut self, id: Id<Location>) -> Option<&mut Draft> {
        self.drafts.get_mut(id.index())
    }

    /// Adds a location and its draft.
    fn add_location(&mut self, location: Location) -> Id<Location> {
        self.drafts.push(Draft::default());
        self.ir.locations.push(location)
    }

    fn finish(mut self) -> Loaded {
        self.finish_main();
        let refused = |found: &Diagnostic| found.legacy.as_ref().is_some_and(|line| line.class == Class::NginxEmerg);
        let ir = (!self.cx.diagnostics.iter().any(refused)).then_some(Ir {
            compat: self.cx.compat,
            prefix: self.cx.prefix,
            variables: self.cx.variables,
            ..self.ir
        });
        let sources = Arc::unwrap_or_clone(self.cx.sources);
        Loaded { ir, sources, diagnostics: self.cx.diagnostics }
    }
}

/// An arena's item, to change.
fn item<T>(arena: &mut Arena<T>, id: Id<T>) -> &mut T {
    &mut arena[id]
}
