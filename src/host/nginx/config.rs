//! A configuration as master and worker read it: from the disk, or from the bundle that the master has sealed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rkeep_parsers::diag::Class;
use rkeep_parsers::lower::nginx::{Layout as Defaults, Setup};
use rkeep_parsers::source::{DiskLoader, Loader};
use rkeep_parsers::table::value::{Level, WorkerProcesses};

use super::account::{self, Account};
use super::layout::{self, Paths};
use crate::host::bundle::{Bundle, Recorder};
use crate::host::control;
use crate::plan::{self, ProxyPlan};
use crate::proxy::tls;
use crate::sys::memory::Thrift;

/// What a reading depends on besides the bytes of the files.
#[derive(Clone, Debug)]
pub struct Context {
    /// Where the files are.
    pub paths: Paths,
    /// `-g`
    pub globals: Option<String>,
    /// Whether the master is root.
    pub privileged: bool,
}

impl Context {
    /// The context of a process that starts.
    pub fn new(paths: &Paths, globals: Option<&str>) -> Self {
        let privileged = rustix::process::geteuid().is_root();
        Context { paths: paths.clone(), globals: globals.map(str::to_owned), privileged }
    }

    fn setup(&self) -> Setup {
        let layout = self.paths.layout;
        let defaults = Defaults {
            pid: layout.pid.to_owned(),
            error_log: self.paths.error_log.as_deref().map_or("stderr".to_owned(), shown),
            access_log: layout.access_log.to_owned(),
            client_body_temp: layout.client_body.to_owned(),
            proxy_temp: layout.proxy.to_owned(),
            user: "nobody".to_owned(),
        };
        Setup {
            path: self.paths.conf.clone(),
            prefix: self.paths.prefix.clone(),
            globals: self.globals.clone(),
            layout: defaults,
            privileged: self.privileged,
            hostname: rustix::system::uname().nodename().to_string_lossy().to_lowercase(),
            ..Setup::default()
        }
    }
}

/// A configuration that nginx would run.
#[derive(Debug)]
pub struct Config {
    /// What the engine gets.
    pub plan: ProxyPlan,
    /// All that it was read from.
    pub bundle: Bundle,
    /// The files it was read from, in the order in which they were opened.
    pub files: Vec<(PathBuf, std::sync::Arc<[u8]>)>,
    /// `-g`
    pub globals: Option<String>,
    /// Whom the worker runs as; none when this is not root.
    pub account: Option<Account>,
    /// The file for the master's id.
    pub pid: PathBuf,
    /// How many threads serve.
    pub threads: usize,
}

impl Config {
    /// The environment of a worker: the time zone, and what `env` keeps or sets.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        let kept = ["TZ"].into_iter().chain(self.plan.main.core.env.iter().map(String::as_str));
        let pair = |word: &str| match word.split_once('=') {
            Some((name, value)) => Some((name.into(), value.into())),
            None => Some((word.into(), std::env::var_os(word)?)),
        };
        kept.filter_map(pair).collect()
    }
}

/// What reading a configuration has come to.
#[derive(Debug)]
pub struct Reading {
    /// The configuration; none when it is refused.
    pub config: Option<Config>,
    /// What nginx says about it, in its order.
    pub lines: Vec<(Level, String)>,
}

/// Reads a configuration.
pub fn read(context: &Context, loader: impl Loader) -> Reading {
    // The tree of a file goes while its model comes, and may be as large.
    let _thrift = Thrift::begin();
    let recorder = Recorder::new(loader);
    let loaded = context.setup().load(&recorder);
    let mut lines = Vec::new();
    for found in loaded.diagnostics.into_iter().filter_map(|found| found.legacy) {
        let level = if found.class == Class::NginxEmerg { Level::Emerg } else { Level::Warn };
        lines.push((level, found.line));
        if level == Level::Emerg {
            // nginx stops at the first.
            return Reading { config: None, lines };
        }
    }
    let files = loaded.sources.iter().map(|(_, file)| (file.path.clone(), file.bytes.clone()));
    let files = files.filter(|(path, _)| path.is_absolute()).collect();
    let mut config = None;
    if let Some(ir) = loaded.ir {
        let plan = plan::cut(ir).proxy;
        for found in tls::check(&plan) {
            let level = if found.error { Level::Emerg } else { Level::Warn };
            lines.push((level, format!("{} in {}", found.text, loaded.sources.place(found.at))));
            if found.error {
                return Reading { config: None, lines };
            }
        }
        match finish(plan, recorder.finish(), files, context) {
            Ok(finished) => config = Some(finished),
            Err(text) => lines.push((Level::Emerg, text)),
        }
    }
    Reading { config, lines }
}

/// Reads the files as a master that runs will read them.
///
/// # Errors
/// What is wrong.
pub fn reread(reading: &control::Reading) -> Result<Bundle, Vec<String>> {
    let layout = if reading.debian { &layout::DEBIAN } else { &layout::PLAIN };
    let (prefix, conf, error_log) = (reading.prefix.clone(), reading.conf.clone(), reading.error_log.clone());
    let paths = Paths { layout, prefix, conf, error_log };
    let read = read(&Context::new(&paths, reading.globals.as_deref()), DiskLoader);
    let wrong = read.lines.into_iter().filter(|(level, _)| *level == Level::Emerg).map(|(_, text)| text);
    read.config.map(|config| config.bundle).ok_or_else(|| wrong.collect())
}

fn finish(
    plan: ProxyPlan,
    bundle: Bundle,
    files: Vec<(PathBuf, std::sync::Arc<[u8]>)>,
    context: &Context,
) -> Result<Config, String> {
    let core = &plan.main.core;
    let pid = context.paths.prefix.join(&core.pid);
    let threads = match core.worker_processes {
        WorkerProcesses::Auto => std::thread::available_parallelism().map_or(1, usize::from),
        WorkerProcesses::Count(count) => count.max(1) as usize,
    };
    let account = account::of(&core.user)?;
    Ok(Config { plan, bundle, files, globals: context.globals.clone(), account, pid, threads })
}

/// A path as messages show it.
pub fn shown(path: &Path) -> String {
    path.display().to_string()
}
