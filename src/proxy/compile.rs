//! A plan compiled into what requests look things up in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rkeep_parsers::ir::http::{self, Address, Handler};
use rkeep_parsers::table::Compat;
use rkeep_parsers::table::value::{self, ErrorLog};
use rustc_hash::FxHashMap;

use super::accesslog::AccessLogs;
use super::alias::{self, Alias};
use super::cache::Caches;
use super::content::open_files::{self, OpenFiles};
use super::engine::OnDrop;
use super::errorlog::ErrorLogs;
use super::filters::recode::Tables;
use super::limits::Limits;
use super::limits::zone::Zones;
use super::locations::Tree;
use super::logfile::LogFiles;
use super::names::Names;
use super::phases::script::Op;
use super::referer::Referers;
use super::regex::{Regex, Regexes};
use super::resolver::{Resolver, Resolvers};
use super::stats::Stats;
use super::tls::Contexts;
use super::upstream::{Route, Upstreams};
use super::vars::map::Maps;
use crate::plan::ProxyPlan;

/// A configuration in force. Requests keep the one they began with.
#[derive(Debug)]
pub struct Snapshot {
    /// What it was made of.
    pub plan: Arc<ProxyPlan>,
    /// Names of the servers of each address.
    pub listeners: FxHashMap<Address, Names>,
    /// All servers; the index is the id's.
    pub servers: Vec<Arc<Server>>,
    /// All locations; the index is the id's.
    pub locations: Vec<Arc<Location>>,
    /// Pools and their peers.
    pub upstreams: Upstreams,
    /// What `limit_req` and `limit_conn` count in.
    pub zones: Zones,
    /// Caches of answers.
    pub caches: Caches,
    /// Certificates and what else handshakes need.
    pub tls: Contexts,
    /// Name servers and what they have said.
    pub resolvers: Resolvers,
    /// Variables made by `map`.
    pub maps: Maps,
    /// Recodings made by `charset_map`.
    pub charsets: Tables,
    /// Main-level error logs.
    pub error_logs: ErrorLogs,
    /// `nginx/1.31.5`, or as `compat` has it.
    pub product: String,
    /// What relative paths are below.
    prefix: PathBuf,
    /// The engine's counters.
    pub stats: Arc<Stats>,
    /// Which snapshot this is; later ones have greater numbers.
    pub generation: u64,
    /// Told when nothing uses this snapshot any more.
    pub ended: OnDrop,
}

/// A `server`.
#[derive(Debug)]
pub struct Server {
    /// The block.
    pub ir: http::Server,
    /// Its first name, as `$server_name` shows it.
    pub name: Vec<u8>,
    /// Its names, where a location takes them for referers.
    pub own_names: Names,
    /// The level outside all locations.
    pub root: Arc<Location>,
    /// Locations by name (`@name`).
    pub named: HashMap<Vec<u8>, usize>,
}

/// A location, or a level that is like one.
#[derive(Debug)]
pub struct Location {
    /// Its index in [`Snapshot::locations`].
    pub index: usize,
    /// The block with its effective values.
    pub ir: http::Location,
    /// Its rewrite directives.
    pub script: Vec<Op>,
    /// Locations inside.
    pub inside: Tree,
    /// What `proxy_pass` needs.
    pub route: Option<Route>,
    /// Where errors go.
    pub error_logs: ErrorLogs,
    /// Where requests are logged.
    pub access_logs: AccessLogs,
    /// The `alias` that holds here, its own or that of a level around it.
    pub alias: Option<Alias>,
    /// `valid_referers`
    pub referers: Option<Box<Referers>>,
    /// Where names that only requests know are looked up.
    pub resolver: Option<Arc<Resolver>>,
    /// `limit_req`, `limit_conn`.
    pub limits: Option<Box<Limits>>,
    /// `gzip_disable`'s patterns.
    pub gzip_disable: Vec<Regex>,
    /// `open_file_cache`
    pub open_files: Option<Box<OpenFiles>>,
}

impl Snapshot {
    /// Compiles a plan. Peers keep the state they have in `old`.
    ///
    /// # Errors
    /// What cannot be served, in words.
    pub fn compile(
        plan: ProxyPlan,
        old: Option<&Snapshot>,
        logs: &LogFiles,
        stats: Arc<Stats>,
    ) -> Result<Snapshot, String> {
        let mut resolvers = Resolvers::default();
        let old_resolvers = old.map(|old| &old.resolvers);
        let mut asked = |conf: &value::Resolver| resolvers.get(conf, old_resolvers);
        let upstreams = Upstreams::compile(&plan, old.map(|old| &old.upstreams), &mut asked)?;
        let caches = Caches::compile(&plan, old.map(|old| &old.caches));
        let zones = Zones::compile(&plan.limit_zones, old.map(|old| &old.zones));
        let tls = contexts(&plan, old)?;
        let mut regexes = Regexes::default();
        let mut locations = Vec::with_capacity(plan.locations.len());
        let aliases = alias::find(&plan);
        let mut file_caches = open_files::Caches::default();
        for (id, location) in plan.locations.iter() {
            let limits = Limits::compile(location, &zones);
            let written = location.conf.core.resolver.as_ref();
            let resolver = written.map(|conf| resolvers.get(conf, old_resolvers));
            let compiled = Location::compile(id.index(), location, &aliases, &plan, logs, &mut regexes)?;
            let open_files = file_caches.of(&location.conf);
            locations.push(Arc::new(Location { limits, resolver, open_files, ..compiled }));
        }
        let by_name = plan.locations.values().any(|location| location.conf.referer.valid.server_names);
        let mut servers = Vec::with_capacity(plan.servers.len());
        for server in plan.servers.values() {
            servers.push(Arc::new(Server::compile(server, &locations, by_name, &mut regexes)?));
        }
        let mut listeners = FxHashMap::default();
        for listener in plan.listeners.values() {
            listeners.insert(listener.address.clone(), Names::compile(listener, &plan, &mut regexes)?);
        }
        let error_logs = error_logs(&plan.main.core.error_log, logs)?;
        let product = format!("nginx/{}", version(plan.compat));
        let charsets = Tables::compile(&plan.charset_maps, named_charsets(&plan));
        let maps = Maps::compile(&plan, &mut regexes)?;
        let generation = old.map_or(1, |old| old.generation + 1);
        let prefix = plan.prefix.clone();
        Ok(Snapshot {
            plan: Arc::new(plan),
            listeners,
            servers,
            locations,
            upstreams,
            zones,
            caches,
            tls,
            resolvers,
            maps,
            charsets,
            error_logs,
            product,
            prefix,
            stats,
            generation,
            ended: OnDrop::default(),
        })
    }

    /// What relative paths are below.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Whether an access log is to be written out after some time.
    pub fn has_timed_logs(&self) -> bool {
        let mut logs = self.locations.iter().flat_map(|location| &location.ir.conf.log.access_log.0);
        logs.any(|log| log.flush.is_some())
    }

    /// The level of an index; the first where there is no such.
    pub fn location(&self, index: usize) -> Option<&Arc<Location>> {
        self.locations.get(index)
    }
}

/// What handshakes need; warnings have been given where the file was read.
fn contexts(plan: &ProxyPlan, old: Option<&Snapshot>) -> Result<Contexts, String> {
    let mut findings = Vec::new();
    let contexts = Contexts::compile(plan, old.map(|old| &old.tls), &mut findings);
    match findings.into_iter().find(|finding| finding.error) {
        Some(finding) => Err(finding.text),
        None => Ok(contexts),
    }
}

/// The release that clients are told.
/// The character sets that locations name.
fn named_charsets(plan: &ProxyPlan) -> impl Iterator<Item = &[u8]> {
    let levels = plan.locations.values().map(|location| &location.conf.charset);
    levels.flat_map(|level| [&level.charset, &level.source]).filter_map(|set| set.0.as_ref()?.as_text())
}

fn version(compat: Compat) -> &'static str {
    if compat.nginx == (1, 22) { "1.22.1" } else { super::NGINX_VERSION }
}

impl Server {
    fn compile(
        ir: &http::Server,
        locations: &[Arc<Location>],
        by_name: bool,
        regexes: &mut Regexes,
    ) -> Result<Server, String> {
        let root = locations.get(ir.root.index()).ok_or("a server without its level")?.clone();
        let mut named = HashMap::new();
        for child in &root.ir.children {
            if let Some(location) = locations.get(child.index())
                && let http::Match::Named(name) = &location.ir.matched
            {
                named.insert(name.clone(), child.index());
            }
        }
        let own = ir.names.iter().filter(|_| by_name).map(|name| (name.clone(), 0));
        let own_names = Names::of(usize::MAX, own, regexes)?;
        Ok(Server { ir: ir.clone(), name: Names::shown(ir.names.first()), own_names, root, named })
    }
}

impl Location {
    fn compile(
        index: usize,
        ir: &http::Location,
        aliases: &[Option<Alias>],
        plan: &ProxyPlan,
        logs: &LogFiles,
        regexes: &mut Regexes,
    ) -> Result<Location, String> {
        let route = match &ir.handler {
            Handler::Proxy(pass) => Some(Route::compile(ir, pass, plan)?),
            _ => None,
        };
        let access_logs = AccessLogs::compile(&ir.conf.log, &plan.formats, logs)?;
        Ok(Location {
            index,
            ir: ir.clone(),
            script: ir.script.iter().map(|op| Op::compile(op, regexes)).collect::<Result<_, _>>()?,
            inside: Tree::compile(&ir.children, plan, regexes)?,
            route,
            error_logs: error_logs(&ir.conf.core.error_log, logs)?,
            access_logs,
            alias: aliases.get(index).cloned().flatten(),
            referers: Referers::compile(&ir.conf.referer.valid, regexes)?,
            resolver: None,
            limits: None,
            gzip_disable: gzip_disable(ir, regexes)?,
            open_files: None,
        })
    }
}

/// The patterns of `gzip_disable`; `msie6` is a word of its own.
fn gzip_disable(ir: &http::Location, regexes: &mut Regexes) -> Result<Vec<Regex>, String> {
    let words = ir.conf.gzip.disable.iter().flat_map(|words| &words.0);
    let patterns = words.filter(|word| *word != "msie6").map(|word| http::Regex {
        pattern: word.clone(),
        caseless: true,
        groups: 0,
        names: Vec::new(),
    });
    patterns.map(|pattern| regexes.compile(&pattern)).collect()
}

/// Opens the error logs of a level.
fn error_logs(written: &[ErrorLog], logs: &LogFiles) -> Result<ErrorLogs, String> {
    let mut open = Vec::with_capacity(written.len());
    for log in written {
        // /dev/null takes nothing, so nothing need be made for it.
        let null =
            matches!(&log.target, rkeep_parsers::table::value::LogTarget::File(path) if path == Path::new("/dev/null"));
        if !null && let Some(target) = logs.target(&log.target)? {
            open.push((log.level, Arc::new(target)));
        }
    }
    Ok(ErrorLogs::new(open))
}
