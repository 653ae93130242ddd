//! The VRRP process goes before others: real-time priority, memory that is never swapped out, the processors it is told.
//! The checkers have of that what the file says.
//! Where the system refuses, it is said once and the process runs on as any other.

use rkeep_parsers::keepalived::global::Process;
use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use tracing::{debug, info};

use crate::sys::schedule;

/// The real-time priority unless the file says another.
const PRIORITY: u32 = 50;

/// Takes what the file asks for.
pub fn take(wish: &Process) {
    confine(wish, "vrrp");
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

/// The same of checkers, which are as any other process unless the file says otherwise.
pub fn take_as_told(wish: &Process) {
    confine(wish, "checker");
    if wish.no_swap
        && let Err(error) = schedule::lock_memory()
    {
        info!("the checkers' memory may be swapped out: {error}");
    }
    let nice = wish.nice.map_or(Ok(()), |nice| setpriority_process(None, nice).map_err(Into::into));
    let real_time = wish.real_time.map_or(Ok(()), schedule::real_time);
    if let Err(error) = nice.and(real_time) {
        info!("the checkers run as any other: {error}");
    }
}

/// Where it may run, and for how long at a time; `whose` its words begin with.
fn confine(wish: &Process, whose: &str) {
    if let Some(micros) = wish.run_limit {
        limit(u64::from(micros), whose);
    }
    if !wish.cpus.is_empty()
        && let Err(error) = schedule::run_on(&wish.cpus)
    {
        info!("cannot keep to the CPUs of {whose}_cpu_affinity: {error}");
    }
}

/// Real-time processes that do not wait for so long are ended.
fn limit(micros: u64, whose: &str) {
    let limit = Rlimit { current: Some(micros), maximum: getrlimit(Resource::Rttime).maximum };
    if let Err(error) = setrlimit(Resource::Rttime, limit) {
        info!("cannot set {whose}_rlimit_rttime: {error}");
    }
}
