//! Two directors whose nginx answers by itself on the virtual address, and clients: what tests of faults are built on.

use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::cluster::{DIRECTORS, VIP};
use rkeep::rehearse::http::Target;
use rkeep::rehearse::{Cast, Cluster, Event, Files, Load, Process, Running, Watch, eventually};
use rustix::process::Signal;

use crate::rkeep;

/// For whatever shall happen soon, on a busy machine.
pub const SOON: Duration = Duration::from_secs(12);
/// Longer than a lease and the wait of a backup.
const A_WHILE: Duration = Duration::from_secs(7);
/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether figures count: `RKEEP_ROUNDS` says that the machine is quiet.
pub fn measures() -> bool {
    std::env::var_os("RKEEP_ROUNDS").is_some()
}

/// nginx's file on the directors.
pub const NGINX_CONF: &str = "/usr/local/nginx/conf/nginx.conf";

/// Each director answers by itself, on all addresses.
pub fn nginx_conf(which: usize) -> String {
    format!(
        "user root root;\nworker_processes 2;\nevents {{}}\nhttp {{\n server {{\n  listen 80;\n  location / {{ \
         return 200 director{}; }}\n }}\n}}\n",
        which + 1
    )
}

/// The article's instance, with more lines.
pub fn keepalived_conf(which: usize, more: &str) -> String {
    format!(
        "vrrp_instance VI_1 {{\n    state BACKUP\n    interface eth0\n    virtual_router_id 51\n    priority {}\n    \
         advert_int 1\n{more}    virtual_ipaddress {{\n        {VIP}\n    }}\n}}\n",
        100 - which
    )
}

/// The pair.
#[derive(Debug)]
pub struct Pair {
    /// The boxes.
    pub cluster: Cluster,
    /// What passed on the wire.
    pub watch: Watch,
    /// keepalived on both.
    pub keepalived: [Running; 2],
}

impl Pair {
    /// Everything runs, and the first has the address and answers there.
    pub fn new(cast: Cast, more: [&str; 2]) -> Pair {
        let nginx = [0, 1].map(nginx_conf);
        let keepalived = [0, 1].map(|which| keepalived_conf(which, more[which]));
        let pair = Pair::with(cast, &Files { nginx, keepalived });
        assert_eq!(pair.answer().as_deref(), Some("director1"));
        pair
    }

    /// The same with other files.
    pub fn with(cast: Cast, files: &Files) -> Pair {
        let cluster = Cluster::build(&cast, files).expect("the box does as told");
        let watch = Watch::new(&cluster.client).expect("the box does as told");
        let start = |which: usize| {
            cluster.directors[which].start_nginx().expect("the box does as told");
            cluster.directors[which].start_keepalived().expect("the box does as told")
        };
        let first = start(0);
        assert!(cluster.owned_by(0, SOON), "{}", first.stderr());
        let pair = Pair { keepalived: [first, start(1)], cluster, watch };
        let ours = |which: usize| cast.nginx[which] == rkeep() && cast.keepalived[which] == rkeep();
        let serve = || [0, 1].into_iter().all(|which| !ours(which) || pair.serves(which));
        assert!(eventually(2 * SOON, || serve() && pair.is_settled()), "{}", pair.logs());
        pair
    }

    /// Whether the last word of a box is that its nginx serves.
    fn serves(&self, which: usize) -> bool {
        let log = self.keepalived[which].stderr();
        log.lines().rfind(|line| line.contains("nginx of this box")).is_some_and(|line| line.ends_with("serves"))
    }

    /// Whether the first alone has been master of late, at its full priority: on a busy machine it may have started late.
    fn is_settled(&self) -> bool {
        let since = Instant::now() - Duration::from_millis(1500);
        let advert = |event: &Event| matches!(event, Event::Advert { .. });
        self.watch.first(since, advert).is_some() && self.watch.first(since, is_amiss).is_none()
    }

    /// rkeep in every role.
    pub fn of_rkeep() -> Pair {
        Pair::new(Cast::all(&rkeep()), ["", ""])
    }

    /// Who answers on the address now.
    pub fn answer(&self) -> Option<String> {
        let target = Target::new(VIP).limit(PATIENCE);
        self.cluster.client.within(move || target.get("/")).ok().map(|reply| reply.text())
    }

    /// The address moves there, its bearer answers, and it did not take too long.
    pub fn expect_move(&self, to: usize, since: Instant, bound: Duration) {
        let adverts =
            |event: &Event| matches!(event, Event::Advert { from, priority: 1.., .. } if *from == DIRECTORS[to]);
        let taken = || self.watch.first(since, adverts).is_some();
        assert!(eventually(SOON, taken), "{}{}", self.watch.told(since), self.logs());
        assert!(self.cluster.owned_by(to, SOON), "{}", self.logs());
        let (at, _) = self.watch.first(since, adverts).expect("the box does as told");
        println!("the address is on director {} after {} ms", to + 1, (at - since).as_millis());
        if measures() {
            assert!(at - since <= bound, "{:?}: {}", at - since, self.watch.told(since));
        }
        let answered = || self.answer() == Some(format!("director{}", to + 1));
        assert!(eventually(SOON, answered), "{:?} {}", self.answer(), self.logs());
    }

    /// For a while director 1 stays master at its priority and director 2 says nothing.
    pub fn expect_no_move(&self, since: Instant) {
        sleep((since + A_WHILE).saturating_duration_since(Instant::now()));
        assert_eq!(self.watch.first(since, is_amiss), None, "{}{}", self.watch.told(since), self.logs());
        assert_eq!(self.cluster.owner(), Some(0));
    }

    /// The processes of one name on a director, lowest id first.
    pub fn processes(&self, which: usize, name: &str) -> Vec<Process> {
        let all = self.cluster.directors[which].node.processes().expect("the box has some");
        all.into_iter().filter(|process| process.name == name).collect()
    }

    /// One request after another to the address.
    pub fn load(&self) -> Load {
        let target = Target::new(VIP).limit(PATIENCE);
        Load::start(&self.cluster.client, target, "/", Duration::from_millis(2)).expect("the client runs")
    }

    /// Sends all of a director's nginx a signal.
    pub fn signal_nginx(&self, which: usize, signal: Signal) {
        assert!(self.cluster.directors[which].node.signal_all("nginx", signal).expect("the box does as told") > 1);
    }

    /// Kills all of a director's nginx at once.
    pub fn kill_nginx(&self, which: usize) -> Instant {
        let at = Instant::now();
        assert!(self.cluster.directors[which].node.crash("nginx").expect("the box does as told") > 1);
        at
    }

    /// What both keepalived have said.
    pub fn logs(&self) -> String {
        self.keepalived.each_ref().map(Running::stderr).join("--- director 2\n")
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for director in &self.cluster.directors {
            let _ = director.node.crash("nginx");
            let _ = director.node.crash("keepalived");
        }
    }
}

/// Whether it is not what the first says while all is well and it is master.
fn is_amiss(event: &Event) -> bool {
    matches!(event, Event::Advert { from, priority, .. } if *from != DIRECTORS[0] || *priority != 100)
}
