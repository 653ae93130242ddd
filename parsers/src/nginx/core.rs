//! `ngx_core_module` and its neighbours: the main context.

use crate::nginx::log::ErrorLog;
use crate::table::Directives;
use crate::table::value::{Msec, Number};

/// The main context.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_core_module", within(main))]
pub struct CoreMain {
    /// Whether to go to the background.
    #[row("daemon", default = "on")]
    pub daemon: bool,
    /// Whether a master starts workers; off serves from the first process.
    #[row("master_process", default = "on")]
    pub master_process: bool,
    /// The user, and group, that workers run as.
    #[row("user", default = "nobody")]
    pub user: User,
    /// How many workers: threads of one process here. `auto` is the number of cores.
    #[row("worker_processes", default = "1")]
    pub worker_processes: WorkerProcesses,
    /// The file that holds the master's process id.
    #[row("pid", default = "logs/nginx.pid")]
    pub pid: String,
    /// Where errors go, and which.
    #[row("error_log", default = "logs/error.log")]
    pub error_log: Vec<ErrorLog>,
    /// The soft and hard limit of open files of the workers.
    #[row("worker_rlimit_nofile")]
    pub worker_rlimit_nofile: Option<Number>,
    /// The limit of the workers' core files.
    #[row("worker_rlimit_core", ignored = "rkeep's workers leave the limit of core files as it is")]
    pub worker_rlimit_core: Option<String>,
    /// How long a graceful stop may take.
    #[row("worker_shutdown_timeout", default = "0")]
    pub worker_shutdown_timeout: Msec,
    /// The workers' scheduling priority.
    #[row("worker_priority", default = "0")]
    pub worker_priority: SignedNumber,
    /// Which workers run on which cores.
    #[row("worker_cpu_affinity")]
    pub worker_cpu_affinity: Option<Words>,
    /// Where workers dump core.
    #[row("working_directory")]
    pub working_directory: Option<String>,
    /// Environment variables that are kept or set.
    #[row("env")]
    pub env: Vec<String>,
    /// nginx's lock file has no use here: locks are memory.
    #[row("lock_file", ignored = "rkeep needs no lock file")]
    pub lock_file: Option<String>,
    /// nginx's clock needs no signal here.
    #[row("timer_resolution", ignored = "rkeep reads the clock when it needs it")]
    pub timer_resolution: Option<Msec>,
    /// PCRE's compiler is always used.
    #[row("pcre_jit", ignored = "rkeep always compiles patterns")]
    pub pcre_jit: Option<bool>,
    /// What to do on an internal error.
    #[row("debug_points", ignored = "rkeep has no debug points")]
    pub debug_points: Option<String>,
    /// A module built in is taken silently; another is a warning until one of its directives is used.
    #[row("load_module")]
    pub load_module: Vec<String>,
    /// Pools of threads for blocking files.
    #[row("thread_pool", ignored = "rkeep keeps its own threads")]
    pub thread_pool: Vec<Words>,
    /// OpenSSL's engine.
    #[row("ssl_engine", refused = "rkeep's TLS has no engines")]
    pub ssl_engine: Option<String>,
}

pub use crate::table::value::{SignedNumber, User, Words, WorkerProcesses};
