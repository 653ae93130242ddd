//! What a request costs: CPU time of the proxy for each, beside nginx and haproxy with the same work to do.
//!
//! All run in a box of their own whose loopback uses cubic (BBR's pacing timers distort it). The proxy has core 0 and one
//! worker, load and backend have core 1; the proxies take turns, and of each the median of its rounds counts.

pub mod backend;
mod case;
mod cpu;
pub mod idle;
mod load;
mod table;
mod world;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub use case::{CASES, Case};
pub use table::Table;
use world::World;

/// What is measured, and how often.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Builds of rkeep, each measured in turn.
    pub builds: Vec<Build>,
    /// Rounds of each case.
    pub rounds: usize,
    /// How long each proxy is loaded in a round.
    pub time: Duration,
    /// Names of cases; all when empty.
    pub cases: Vec<String>,
    /// Memory of idle connections is measured instead.
    pub idle: bool,
}

/// Says what an idle TLS connection costs each proxy, a row each.
///
/// # Errors
/// As of [`run`].
pub fn idle(plan: &Plan) -> io::Result<String> {
    let world = World::build(&plan.builds)?;
    let mut rows = "| proxy | bytes an idle TLS connection |\n|---|---|\n".to_owned();
    for proxy in world.proxies(&case::IDLE) {
        rows += &format!("| {} | {} |\n", proxy.name, world.weigh(proxy)?);
    }
    world.end();
    Ok(rows)
}

/// An executable of rkeep.
#[derive(Clone, Debug)]
pub struct Build {
    /// What the table calls it.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// One measurement of one proxy.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// CPU time for each request, microseconds.
    pub cost: f64,
    /// How much of its core the proxy used.
    pub busy: f64,
}

/// Measures, and tells each case's rows once it is done.
///
/// # Errors
/// The box or a proxy does not come up, a program is missing, or requests fail.
pub fn run(plan: &Plan, mut tell: impl FnMut(&str)) -> io::Result<Table> {
    let world = World::build(&plan.builds)?;
    let mut table = Table::default();
    for case in CASES.iter().filter(|case| plan.cases.is_empty() || plan.cases.iter().any(|name| *name == case.name)) {
        let proxies = world.proxies(case);
        let mut samples = vec![Vec::new(); proxies.len()];
        for round in 0..=plan.rounds {
            for (proxy, samples) in proxies.iter().zip(&mut samples) {
                // The first round only warms up.
                let time = if round == 0 { Duration::from_secs(1) } else { plan.time };
                let sample = world.measure(proxy, case, time)?;
                if round > 0 {
                    samples.push(sample);
                }
            }
        }
        let named = proxies.iter().map(|proxy| proxy.name.as_str()).zip(samples);
        tell(&table.add(case, named));
    }
    world.end();
    Ok(table)
}
