//! Which of the proxy's listeners count as served: each process that serves holds a lease, which its heartbeat renews.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Role, Subject, Verdict};

/// How often a lease is renewed.
pub const BEAT: Duration = Duration::from_millis(300);

/// How long a lease lasts without a heartbeat: on a busy box the processes on either side may be late.
pub const LEASE: Duration = Duration::from_millis(1500);

/// How long it lasts where all of the proxy has gone without a word: nobody is left who would start it again at once.
const CRASH: Duration = Duration::from_millis(700);

/// How long one that leaves as planned, or reads a new configuration, counts as serving: neither moves an address.
const GRACE: Duration = Duration::from_secs(5);

/// How often it is looked whether another program has taken a dead one's place, and how long it must have had it: a
/// successor of ours listens before it says so.
const LOOK: Duration = Duration::from_secs(1);
const TAKEN: Duration = Duration::from_secs(2);

/// What a process of the proxy says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum FromProxy {
    /// It starts those that serve, and holds their sockets meanwhile.
    Stands {
        /// Which proxy it belongs to.
        instance: String,
    },
    /// It serves these addresses from now on, and no others.
    Serves {
        /// Which proxy it belongs to: the path of its pid file.
        instance: String,
        /// What it listens on.
        addresses: BTreeSet<SocketAddr>,
    },
    /// Its threads run.
    Alive,
    /// It takes up another configuration, which may take a while.
    Busy,
    /// It ends because it was told to.
    Leaves,
}

/// The leases, by the connections of those who hold them.
#[derive(Debug, Default)]
pub struct Leases {
    leases: BTreeMap<u64, Lease>,
    /// The proxies whose masters are there.
    masters: BTreeMap<u64, String>,
    said: BTreeMap<Subject, Verdict>,
}

#[derive(Debug)]
struct Lease {
    instance: String,
    addresses: BTreeSet<SocketAddr>,
    until: Instant,
    leaving: bool,
    connected: bool,
    /// Since when somebody else has been seen to listen in its place.
    taken: Option<Instant>,
}

impl Lease {
    /// Whether nobody will renew it.
    fn is_over(&self) -> bool {
        self.leaving || !self.connected
    }

    fn is_valid(&self, now: Instant) -> bool {
        self.until > now
    }
}

impl Leases {
    /// Takes in what a holder says.
    pub fn hear(&mut self, key: u64, now: Instant, message: FromProxy) {
        match message {
            FromProxy::Stands { instance } => drop(self.masters.insert(key, instance)),
            FromProxy::Serves { instance, addresses } => {
                let (until, leaving, connected) = (now + LEASE, false, true);
                let lease = Lease { instance, addresses, until, leaving, connected, taken: None };
                self.leases.insert(key, lease);
            }
            FromProxy::Alive => self.with(key, |lease| {
                if !lease.leaving {
                    lease.until = now + LEASE;
                }
            }),
            FromProxy::Busy => self.with(key, |lease| lease.until = now + GRACE),
            FromProxy::Leaves => self.with(key, |lease| {
                lease.leaving = true;
                lease.until = now + GRACE;
            }),
        }
    }

    /// A holder has gone; its lease lasts as long as it lasts.
    pub fn closed(&mut self, key: u64, now: Instant) {
        self.with(key, |lease| lease.connected = false);
        let held = self.leases.get(&key).map(|lease| lease.instance.clone());
        let Some(instance) = self.masters.remove(&key).or(held) else { return };
        if !self.masters.values().any(|other| *other == instance) {
            let orphans = self.leases.values_mut().filter(|lease| lease.instance == instance);
            for lease in orphans.filter(|lease| !lease.connected && !lease.leaving) {
                lease.until = lease.until.min(now + CRASH);
            }
        }
    }

    fn with(&mut self, key: u64, change: impl FnOnce(&mut Lease)) {
        if let Some(lease) = self.leases.get_mut(&key) {
            change(lease);
        }
    }

    /// What is news. Addresses on which somebody else listens in a dead holder's place are nobody's business any more.
    pub fn judge(&mut self, now: Instant, is_taken: impl Fn(SocketAddr) -> bool) -> Vec<(Subject, Verdict)> {
        self.look(now, is_taken);
        self.forget(now);
        let verdicts = self.verdicts(now);
        let gone = self.said.keys().filter(|subject| !verdicts.contains_key(subject));
        let mut news: Vec<_> = gone.map(|subject| (subject.clone(), Verdict::Deleted)).collect();
        let changed = verdicts.iter().filter(|(subject, verdict)| self.said.get(subject) != Some(verdict));
        news.extend(changed.map(|(subject, verdict)| (subject.clone(), *verdict)));
        self.said = verdicts;
        news
    }

    /// Sees who listens in the place of those that have gone altogether.
    fn look(&mut self, now: Instant, is_taken: impl Fn(SocketAddr) -> bool) {
        let masters: BTreeSet<&String> = self.masters.values().collect();
        for lease in self.leases.values_mut().filter(|lease| lease.is_over()) {
            let taken = !masters.contains(&lease.instance) && lease.addresses.iter().all(|address| is_taken(*address));
            lease.taken = taken.then(|| lease.taken.unwrap_or(now));
        }
    }

    /// Forgets whoever has a successor.
    fn forget(&mut self, now: Instant) {
        let current = self.leases.values().filter(|lease| !lease.is_over());
        let current: BTreeSet<String> = current.map(|lease| lease.instance.clone()).collect();
        self.leases.retain(|_, lease| {
            let taken = lease.taken.is_some_and(|since| now >= since + TAKEN);
            !lease.is_over() || !(taken || current.contains(&lease.instance))
        });
    }

    fn verdicts(&self, now: Instant) -> BTreeMap<Subject, Verdict> {
        let mut verdicts = BTreeMap::new();
        for lease in self.leases.values() {
            let served = lease.is_valid(now) || lease.taken.is_some();
            let verdict = if served { Verdict::Up } else { Verdict::Down };
            let listeners = lease.addresses.iter().map(|address| Subject::Listener(address.to_string()));
            for subject in listeners.chain([Subject::Process(Role::Worker)]) {
                let known = verdicts.entry(subject).or_insert(verdict);
                if verdict == Verdict::Up {
                    *known = verdict;
                }
            }
        }
        verdicts
    }

    /// When it must be judged again, whatever is heard.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let ends = self.leases.values().map(|lease| lease.until).filter(|until| *until > now);
        let look = self.leases.values().any(Lease::is_over).then(|| now + LOOK);
        ends.chain(look).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Deleted, Down, Up};

    const VIP: &str = "192.168.3.253:80";
    const OWN: &str = "192.168.3.1:80";

    struct Bench {
        leases: Leases,
        now: Instant,
        taken: bool,
    }

    impl Bench {
        fn new() -> Self {
            let mut bench = Bench { leases: Leases::default(), now: Instant::now(), taken: false };
            bench.serve(1, &[VIP]);
            assert_eq!(bench.news(), [("process".to_owned(), Up), (VIP.to_owned(), Up)]);
            bench
        }

        fn serve(&mut self, key: u64, addresses: &[&str]) {
            let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
            self.tell(key, FromProxy::Serves { instance: "nginx.pid".to_owned(), addresses });
        }

        fn tell(&mut self, key: u64, message: FromProxy) {
            self.leases.hear(key, self.now, message);
        }

        fn close(&mut self, key: u64) {
            self.leases.closed(key, self.now);
        }

        fn wait(&mut self, millis: u64) {
            self.now += Duration::from_millis(millis);
        }

        fn news(&mut self) -> Vec<(String, Verdict)> {
            let taken = self.taken;
            let name = |subject| match subject {
                Subject::Listener(name) => name,
                _ => "process".to_owned(),
            };
            let news = self.leases.judge(self.now, |_| taken);
            news.into_iter().map(|(subject, verdict)| (name(subject), verdict)).collect()
        }
    }

    fn all(verdict: Verdict) -> [(String, Verdict); 2] {
        [("process".to_owned(), verdict), (VIP.to_owned(), verdict)]
    }

    #[test]
    fn lasts_as_long_as_the_heart_beats() {
        let mut bench = Bench::new();
        for _ in 0..20 {
            bench.wait(300);
            bench.tell(1, FromProxy::Alive);
            assert_eq!(bench.news(), []);
        }
        let deadline = bench.leases.deadline(bench.now).unwrap();
        assert_eq!(deadline - bench.now, LEASE);
        bench.now = deadline;
        assert_eq!(bench.news(), all(Down), "it hangs");
        assert_eq!(bench.leases.deadline(bench.now), None);
        bench.wait(10_000);
        bench.tell(1, FromProxy::Alive);
        assert_eq!(bench.news(), all(Up), "it went on");
    }

    #[test]
    fn a_crash_counts_unless_a_successor_comes_in_time() {
        let mut bench = Bench::new();
        bench.tell(7, FromProxy::Stands { instance: "nginx.pid".to_owned() });
        bench.close(1);
        bench.wait(1_000);
        assert_eq!(bench.news(), []);
        bench.serve(2, &[VIP]);
        bench.wait(1_000);
        bench.tell(2, FromProxy::Alive);
        assert_eq!(bench.news(), []);
        bench.close(2);
        bench.wait(1_600);
        assert_eq!(bench.news(), all(Down));
        bench.serve(3, &[VIP]);
        assert_eq!(bench.news(), all(Up));
        // All of it at once, in either order.
        bench.close(7);
        bench.close(3);
        bench.wait(800);
        assert_eq!(bench.news(), all(Down));
        bench.serve(4, &[VIP]);
        assert_eq!(bench.news(), all(Up));
    }

    #[test]
    fn who_leaves_as_planned_has_a_while_to_come_back() {
        let mut bench = Bench::new();
        bench.tell(1, FromProxy::Leaves);
        bench.close(1);
        bench.wait(4_900);
        assert_eq!(bench.news(), []);
        bench.wait(200);
        assert_eq!(bench.news(), all(Down));
        bench.serve(2, &[VIP]);
        assert_eq!(bench.news(), all(Up));
    }

    #[test]
    fn a_reload_may_take_a_while() {
        let mut bench = Bench::new();
        bench.tell(1, FromProxy::Busy);
        bench.wait(4_900);
        assert_eq!(bench.news(), []);
        bench.tell(1, FromProxy::Alive);
        bench.wait(1_600);
        assert_eq!(bench.news(), all(Down));
    }

    #[test]
    fn what_a_reload_takes_away_is_no_loss() {
        let mut bench = Bench::new();
        bench.serve(1, &[OWN]);
        assert_eq!(bench.news(), [(VIP.to_owned(), Deleted), (OWN.to_owned(), Up)]);
        // A second process takes the place of the first, which ends.
        bench.serve(2, &[VIP]);
        bench.tell(1, FromProxy::Leaves);
        assert_eq!(bench.news(), [(OWN.to_owned(), Deleted), (VIP.to_owned(), Up)]);
    }

    #[test]
    fn another_program_in_its_place_is_left_alone() {
        let mut bench = Bench::new();
        bench.tell(1, FromProxy::Leaves);
        bench.close(1);
        bench.wait(1_000);
        assert_eq!(bench.leases.deadline(bench.now), Some(bench.now + LOOK));
        bench.taken = true;
        assert_eq!(bench.news(), []);
        bench.wait(1_900);
        assert_eq!(bench.news(), []);
        bench.wait(200);
        assert_eq!(bench.news(), all(Deleted));
        assert_eq!(bench.leases.deadline(bench.now), None);
    }

    #[test]
    fn another_program_may_come_late() {
        let mut bench = Bench::new();
        bench.close(1);
        bench.wait(2_000);
        assert_eq!(bench.news(), all(Down));
        assert_eq!(bench.leases.deadline(bench.now), Some(bench.now + LOOK));
        bench.taken = true;
        assert_eq!(bench.news(), all(Up));
        bench.wait(2_000);
        assert_eq!(bench.news(), all(Deleted));
    }

    #[test]
    fn a_master_that_holds_the_sockets_serves_nobody() {
        let mut bench = Bench::new();
        bench.tell(7, FromProxy::Stands { instance: "nginx.pid".to_owned() });
        bench.close(1);
        bench.taken = true;
        bench.wait(5_000);
        assert_eq!(bench.news(), all(Down));
        bench.wait(5_000);
        assert_eq!(bench.news(), []);
        bench.close(7);
        assert_eq!(bench.news(), all(Up), "somebody else listens");
    }
}
