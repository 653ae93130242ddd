//! The drills: what is done to the cluster, and what must hold.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::cluster::{CLIENTS, DIRECTORS, VIP};
use super::http::{Tally, Target};
use super::report::{Outcome, millis};
use super::{Cast, Cluster, Event, Files, Load, Running, Server, Subject, Watch, eventually};

/// The backup waits three advert intervals and its skew, (256 - 99) / 256 s, for a master that has vanished.
const MASTER_DOWN: Duration = Duration::from_millis(3613);
/// It waits the skew alone when the master says goodbye.
const SKEW: Duration = Duration::from_millis(613);
/// For everything that is not the protocol's waiting: processes, ARP, one attempt of the client.
const ROOM: Duration = Duration::from_millis(387);
/// How long a director may take to log a request that has been answered.
const LOGGED: Duration = Duration::from_secs(2);
/// The longest way from a dead port to its mail: the check's interval, its retry, and the mail itself.
const MAILED: Duration = Duration::from_secs(20);
/// How long the client of the outage waits for one answer.
const PATIENCE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(5);

/// A drill by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Drill {
    /// Nothing happens: who gets how many requests?
    Steady,
    /// The master is stopped and comes back.
    MasterStop,
}

impl Drill {
    /// All of them, in the order they are run in.
    pub const ALL: [Drill; 2] = [Drill::Steady, Drill::MasterStop];
}

/// The cluster with everything running.
#[derive(Debug)]
pub struct Stage {
    cluster: Cluster,
    watch: Watch,
    running: [Running; 2],
}

impl Stage {
    /// Builds it, the same program in every role, and waits until the first director has the address and answers there.
    ///
    /// # Errors
    /// No namespaces, or something does not start.
    pub fn new(subject: &Subject) -> io::Result<Stage> {
        let cluster = Cluster::build(&Cast::all(subject), &Files::article())?;
        let watch = Watch::new(&cluster.client)?;
        let [first, second] = &cluster.directors;
        first.start_nginx()?;
        second.start_nginx()?;
        let running = [first.start_keepalived()?, second.start_keepalived()?];
        let stage = Stage { cluster, watch, running };
        let target = Target::new(VIP).limit(PATIENCE);
        let answers = || stage.cluster.client.within(move || target.get("/")).is_ok();
        if stage.cluster.owned_by(0, 2 * MASTER_DOWN) && eventually(MASTER_DOWN, answers) {
            return Ok(stage);
        }
        Err(io::Error::other(format!("the cluster does not come up:\n{}", stage.logs())))
    }

    /// Runs a drill.
    ///
    /// # Errors
    /// The cluster itself breaks; what a drill is there to find is in its outcome.
    pub fn run(&mut self, drill: Drill) -> io::Result<Outcome> {
        match drill {
            Drill::Steady => self.steady(),
            Drill::MasterStop => self.master_stop(),
        }
    }

    /// What both keepalived have said, for people who must find out why.
    pub fn logs(&self) -> String {
        let logs = self.running.each_ref().map(|running| running.stderr() + &running.stdout());
        format!("--- director 1\n{}--- director 2\n{}", logs[0], logs[1])
    }

    fn steady(&self) -> io::Result<Outcome> {
        let mut outcome = Outcome::new("steady", "all is well; clients ask both directors and the virtual address");
        outcome.figure("the address is on", self.owner());
        let first = self.ask(Target::new(DIRECTORS[0]), 300)?;
        outcome.figure("300 through director 1", told(&first));
        outcome.expect(first.of("server1") == 300, || format!("server1 alone should answer: {}", told(&first)));
        let second = self.ask(Target::new(DIRECTORS[1]), 300)?;
        outcome.figure("300 through director 2", told(&second));
        let third = |server: &str| (99..=101).contains(&second.of(server));
        let thirds = third("server1") && third("server2") && third("server3");
        outcome.expect(thirds, || format!("each should answer a third: {}", told(&second)));
        self.by_address(&mut outcome)?;
        outcome.expect(self.cluster.owner() == Some(0), || format!("the address is on {}", self.owner()));
        Ok(outcome)
    }

    /// Clients of four addresses ask the virtual one: the directors get them in turn, each client stays where it is.
    fn by_address(&self, outcome: &mut Outcome) -> io::Result<()> {
        let mut served = [0; 2];
        for from in CLIENTS {
            let before = self.requests();
            let tally = self.ask(Target::new(VIP).from(from), 15)?;
            // A director logs a request after the client has its answer.
            let all_logged = || self.requests().iter().sum::<usize>() >= before.iter().sum::<usize>() + 15;
            eventually(LOGGED, all_logged);
            let after = self.requests();
            let by = [0, 1].map(|which: usize| after[which] - before[which]);
            outcome.figure(format!("15 from {from}"), format!("director 1: {}, director 2: {}", by[0], by[1]));
            outcome.expect(tally.failed() == 0, || format!("asked from {from}: {}", told(&tally)));
            outcome.expect(by.contains(&15), || format!("{from} should stay with one director: {by:?}"));
            (served[0], served[1]) = (served[0] + usize::from(by[0] > 0), served[1] + usize::from(by[1] > 0));
        }
        outcome.expect(served == [2, 2], || format!("two clients each, not {served:?}"));
        Ok(())
    }

    fn master_stop(&mut self) -> io::Result<Outcome> {
        let what = "keepalived and nginx of director 1 are stopped, as for maintenance, and started again";
        let mut outcome = Outcome::new("master-stop", what);
        let seen = self.cluster.mail.mails().len();
        self.leave(&mut outcome)?;
        self.mailed(&mut outcome, seen, "DOWN");
        let seen = self.cluster.mail.mails().len();
        self.come_back(&mut outcome)?;
        self.mailed(&mut outcome, seen, "UP");
        Ok(outcome)
    }

    fn leave(&mut self, outcome: &mut Outcome) -> io::Result<()> {
        let load = self.load()?;
        let stop = Instant::now();
        self.running[0].signal(Signal::TERM)?;
        let moved = self.cluster.owned_by(1, MASTER_DOWN);
        self.first().nginx(&["-s", "stop"])?;
        std::thread::sleep(ROOM);
        outcome.figure("the address is on", self.owner());
        outcome.expect(moved, || "director 2 did not take the address".to_owned());
        let taken =
            self.watch.first(stop, |event| matches!(event, Event::Advert { from, .. } if *from == DIRECTORS[1]));
        match taken {
            Some((at, _)) => outcome.number("director 2's first advert", millis(at - stop), "ms after the stop"),
            None => outcome.figure("director 2's first advert", "never"),
        }
        outcome.silence("stop", &load.end()?, SKEW + ROOM);
        Ok(())
    }

    fn come_back(&mut self, outcome: &mut Outcome) -> io::Result<()> {
        let load = self.load()?;
        self.first().start_nginx()?;
        self.running[0] = self.first().start_keepalived()?;
        let returned = self.cluster.owned_by(0, 2 * MASTER_DOWN);
        std::thread::sleep(ROOM);
        outcome.figure("the address is back on", self.owner());
        outcome.expect(returned, || "director 1 did not get the address back".to_owned());
        outcome.silence("return", &load.end()?, ROOM);
        Ok(())
    }

    /// The other director's checkers must have mailed this about director 1's nginx.
    fn mailed(&self, outcome: &mut Outcome, seen: usize, verdict: &str) {
        let subject =
            format!("[LVS_DEVEL] Realserver [{}]:tcp:80 of virtual server [{VIP}]:tcp:80 - {verdict}", DIRECTORS[0]);
        let came = || self.cluster.mail.subjects().into_iter().skip(seen).any(|mail| mail == subject);
        let since = Instant::now();
        let came = eventually(MAILED, came);
        let mails = self.cluster.mail.mails().len().saturating_sub(seen);
        outcome.number(format!("the mail {verdict} came"), millis(since.elapsed()), "ms later");
        outcome.number("mails in that time", mails as u64, "");
        outcome.expect(came, || format!("no mail says: {subject}"));
    }

    fn first(&self) -> &Server {
        &self.cluster.directors[0]
    }

    fn owner(&self) -> &'static str {
        match self.cluster.owner() {
            Some(0) => "director 1",
            Some(_) => "director 2",
            None => "neither or both",
        }
    }

    fn ask(&self, target: Target, count: usize) -> io::Result<Tally> {
        self.cluster.client.within(move || Ok(target.get_many("/", count)))
    }

    fn load(&self) -> io::Result<Load> {
        Load::start(&self.cluster.client, Target::new(VIP).limit(PATIENCE), "/", PAUSE)
    }

    /// How many requests each director's nginx has logged.
    fn requests(&self) -> [usize; 2] {
        self.cluster.directors.each_ref().map(Server::requests)
    }
}

/// Answers in a few words.
fn told(tally: &Tally) -> String {
    let failures = tally.failures.iter().map(|(kind, count)| format!("{kind} (failed) {count}"));
    let words: Vec<_> = tally.bodies.iter().map(|(body, count)| format!("{body} {count}")).chain(failures).collect();
    words.join(", ")
}
