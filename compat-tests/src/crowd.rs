//! Hundreds of instances on each of two boxes while all cores are busy: what a speaker costs, and whether a backup takes
//! over from a master that is there. keepalived and rkeep stand beside each other, so that both meet the same delays.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, available_parallelism};
use std::time::{Duration, Instant};

use rkeep::rehearse::{Lan, Node, Running, Subject, eventually};
use rkeep::sys::schedule::real_time;
use rustix::process::Signal;

use crate::{busy, rkeep};

/// Instances of an advert a second, and of one every 10 ms.
const SLOW: u8 = 200;
const FAST: u8 = 20;
const CONFIGURATION: &str = "/etc/keepalived/keepalived.conf";
const NAME: &str = "keepalived";
/// How long all may take to find their masters.
const SETTLING: Duration = Duration::from_secs(40);
/// Until all that a backup does as it starts is over.
const CALMING: Duration = Duration::from_secs(5);
const BREATH: Duration = Duration::from_millis(200);

/// What one pair came to.
#[derive(Debug)]
pub struct Sums {
    who: &'static str,
    /// CPU time of both boxes' processes.
    used: Duration,
    /// Seconds in which a backup became master, and how often in all.
    taken: BTreeSet<String>,
    takeovers: usize,
    /// How often a lag was logged.
    lags: usize,
    /// Of these seconds, those in which or next to which no lag was logged.
    unexplained: usize,
}

impl Sums {
    /// CPU time of both boxes' processes.
    pub fn used(&self) -> Duration {
        self.used
    }

    /// How often a backup took over from a master that was there.
    pub fn takeovers(&self) -> usize {
        self.takeovers
    }

    /// Seconds of takeovers that no logged lag explains.
    pub fn unexplained(&self) -> usize {
        self.unexplained
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (used, seconds) = (self.used.as_secs_f64(), self.taken.len());
        let (who, taken, open, lags) = (self.who, self.takeovers, self.unexplained, self.lags);
        write!(
            f,
            "{who}: {used:.1} s of CPU, {taken} false takeovers in {seconds} seconds, {open} of them without a lag; \
             {lags} lags logged"
        )
    }
}

/// One program on two boxes.
struct Pair {
    who: &'static str,
    _lan: Lan,
    nodes: [Node; 2],
    running: [Running; 2],
}

impl Pair {
    fn new(who: &'static str, subject: &Subject) -> io::Result<Pair> {
        let lan = Lan::new()?;
        let node = |which: u8| {
            let node = Node::new(&format!("{who}{which}"), "", &[subject.as_keepalived()])?;
            lan.plug(&node, &[Ipv4Addr::new(192, 168, 3, which)])?;
            node.write(CONFIGURATION, configuration(which))?;
            Ok::<_, io::Error>(node)
        };
        let nodes = [node(1)?, node(2)?];
        let start = |node: &Node| node.start(&[subject.keepalived(), vec!["-P".to_owned()]].concat());
        // One after the other: hundreds of elections at once are not what is looked at.
        let master = start(&nodes[0])?;
        let all = usize::from(SLOW) + usize::from(FAST);
        if !eventually(SETTLING, || nodes[0].addresses().is_ok_and(|have| have.len() > all)) {
            return Err(io::Error::other(format!("{who} does not become master")));
        }
        let running = [master, start(&nodes[1])?];
        thread::sleep(CALMING);
        Ok(Pair { who, _lan: lan, nodes, running })
    }

    fn used(&self) -> io::Result<Duration> {
        Ok(busy(&self.nodes[0], NAME)? + busy(&self.nodes[1], NAME)?)
    }

    /// How many lines both have logged.
    fn said(&self) -> [usize; 2] {
        self.running.each_ref().map(|running| running.stderr().lines().count())
    }

    fn sums(&self, used: Duration, said: [usize; 2]) -> Sums {
        let logs = self.running.each_ref().map(Running::stderr);
        let lines = || logs.iter().zip(said).map(|(log, said)| log.lines().skip(said));
        let moment = |line: &str| line.get(..TIME).unwrap_or_default().to_owned();
        let lags: Vec<_> = lines().flatten().filter(|line| line.contains("kept from running")).map(moment).collect();
        let taken = || lines().nth(1).into_iter().flatten().filter(|line| line.contains("Entering MASTER STATE"));
        let seconds: BTreeSet<_> = taken().map(moment).collect();
        let unexplained = seconds.iter().filter(|second| !is_near(second, &lags)).count();
        Sums { who: self.who, used, takeovers: taken().count(), taken: seconds, lags: lags.len(), unexplained }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for node in &self.nodes {
            let _ = node.signal_all(NAME, Signal::KILL);
        }
    }
}

/// Bytes of a log line's time: `Fri Nov 27 02:44:00 2026`.
const TIME: usize = 24;

/// Whether a lag was logged in that second or the one before or after it, as their logs show them.
fn is_near(second: &str, lags: &[String]) -> bool {
    let count = |time: &str| -> Option<i64> {
        let mut parts = time.get(11..19)?.split(':').map(|part| part.parse::<i64>().ok());
        Some((parts.next()?? * 60 + parts.next()??) * 60 + parts.next()??)
    };
    let Some(at) = count(second) else { return false };
    lags.iter().filter_map(|time| count(time)).any(|lag| (lag - at).abs() <= 1)
}

/// The instances of a box, the first of which is master of all. The limit on time without a break is keepalived's own
/// protection against itself, which hundreds of transitions at once would exceed.
fn configuration(which: u8) -> String {
    let (state, priority) = if which == 1 { ("MASTER", 100) } else { ("BACKUP", 90) };
    let instance = |vrid: u8| {
        let fast = vrid > SLOW;
        let (version, interval) = if fast { (3, "0.01") } else { (2, "1") };
        format!(
            "vrrp_instance V{vrid} {{\n state {state}\n interface eth0\n version {version}\n virtual_router_id {vrid}\n \
             priority {priority}\n advert_int {interval}\n virtual_ipaddress {{\n  192.168.4.{vrid}\n }}\n}}\n"
        )
    };
    let instances: String = (1..=SLOW + FAST).map(instance).collect();
    format!("global_defs {{\n router_id crowd\n vrrp_rt_priority 50\n vrrp_rlimit_rttime 10000000\n}}\n{instances}")
}

/// Keeps every core busy until it is dropped.
struct Burners {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Burners {
    fn light() -> Burners {
        let stop = Arc::new(AtomicBool::new(false));
        let burn = |_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..available_parallelism().map_or(1, usize::from)).map(burn).collect();
        Burners { stop, threads }
    }
}

impl Drop for Burners {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Lets keepalived and rkeep stand in the crowd for some time.
///
/// # Errors
/// The boxes cannot be made, real-time priority is refused, or somebody does not settle.
pub fn crowd(time: Duration) -> io::Result<[Sums; 2]> {
    // Who asks for real-time priority and is refused would be measured at another.
    thread::spawn(|| real_time(1)).join().unwrap_or(Ok(()))?;
    let pairs = [Pair::new("keepalived", &Subject::Original)?, Pair::new("rkeep", &rkeep())?];
    let before = [pairs[0].used()?, pairs[1].used()?];
    let said = pairs.each_ref().map(Pair::said);
    let (end, burners) = (Instant::now() + time, Burners::light());
    while Instant::now() < end {
        thread::sleep(BREATH);
    }
    drop(burners);
    let used = [pairs[0].used()? - before[0], pairs[1].used()? - before[1]];
    Ok([0, 1].map(|which| pairs[which].sums(used[which], said[which])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_to_and_fro_counts() {
        let late = ["Fri Nov 27 02:59:59 2026".to_owned()];
        assert!(is_near("Fri Nov 27 03:00:00 2026", &late));
        assert!(is_near("Fri Nov 27 02:59:58 2026", &late));
        assert!(!is_near("Fri Nov 27 03:00:01 2026", &late));
        assert!(!is_near("", &late));
    }
}
