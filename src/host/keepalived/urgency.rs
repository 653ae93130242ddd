//! The VRRP process goes before others: real-time priority, memory that is never swapped out, the processors it is told.
//! Where the system refuses, it is said once and the process runs on as any other.

use rkeep_parsers::keepalived::global::Process;
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use tracing::{debug, info};

use crate::sys::schedule;

/// The real-time priority unless the file says another.
const PRIORITY: u32 = 50;

/// Takes what the file asks for.
pub fn take(wish: &Process) {
    if let Some(micros) = wish.run_limit {
        limit(u64::from(micros));
    }
    if !wish.cpus.is_empty()
        && let Err(error) = schedule::run_on(&wish.cpus)
    {
        info!("cannot keep to the CPUs of vrrp_cpu_affinity: {error}");
    }
    if let Err(error) = schedule::lock_memory() {
        info!("the VRRP process' memory may be swapped out: {error}");
    }
    let taken = match (wish.nice, wish.real_time) {
        (Some(nice), None) => setpriority_process(None, nice).map_err(Into::into),
        (_, priority) => schedule::real_time(priority.unwrap_or(PRIORITY)),
    };
    match taken {
        Ok(()) => debug!("the VRRP process goes before others"),
        Err(error) => info!("the VRRP process runs as any other: {error}"),
    }
}

/// Real-time processes that do not wait for so long are ended.
fn limit(micros: u64) {
    let limit = Rlimit { current: Some(micros), maximum: getrlimit(Resource::Rttime).maximum };
    if let Err(error) = setrlimit(Resource::Rttime, limit) {
        info!("cannot set vrrp_rlimit_rttime: {error}");
    }
}
