//! The cluster with everything running: what drills do to it, and what they see of it.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::bound::Bound;
use super::clients::{Clients, PATIENCE, Probe, Request};
use super::http::{Tally, Target};
use super::owner::{self, Claim, Owner};
use super::pair::Pair;
use super::progress::Progress;
use super::report::millis;
use super::site::Site;
use super::timeline::{Entry, Timeline, silences};
use super::{Event, Mail, Running, Watch, eventually};

/// What is silence in a timeline, and no mere hiccup of a busy machine.
const NOTABLE: Duration = Duration::from_millis(150);
/// How long the cluster may take to come up.
const COMING_UP: Duration = Duration::from_secs(20);

/// The cluster with everything running.
#[derive(Debug)]
pub struct Stage {
    /// Its boxes.
    pub site: Site,
    /// The director that the current drill is about: the one that had the address when it began.
    pub victim: usize,
    /// Tells people what is being done.
    pub progress: Progress,
    pub(super) running: [Running; 2],
    ears: [Watch; 2],
    clients: Option<Clients>,
    began: Instant,
    acts: Vec<(Instant, Entry)>,
}

impl Stage {
    /// Starts both directors and waits until the virtual address, if there is one, is answered on.
    ///
    /// # Errors
    /// Something does not start.
    pub fn new(site: Site, progress: Progress) -> io::Result<Stage> {
        let [first, second] = &site.directors;
        let ears = [Watch::new(&first.node)?, Watch::new(&second.node)?];
        first.start_nginx()?;
        second.start_nginx()?;
        let running = [first.start_keepalived()?, second.start_keepalived()?];
        let (began, victim) = (Instant::now(), site.pair.home());
        let mut stage = Stage { site, victim, progress, running, ears, clients: None, began, acts: Vec::new() };
        let owned = |stage: &Stage| stage.pair().router().is_none() || stage.owner() != Owner::Nobody;
        if !stage.wait("waiting for the virtual address", COMING_UP, owned) {
            let logs = stage.keep_logs()?;
            let what = format!("nobody takes the virtual address; the directors' logs are in {}", logs.display());
            return Err(io::Error::other(what));
        }
        // Whether anybody answers is for a drill to say.
        stage.wait("waiting for an answer", COMING_UP / 2, Stage::answers);
        // Of two who start at once the worse one may be first; whether it yields is for a drill to say.
        let (home, within) = (Owner::One(victim), Bound::back(stage.pair(), victim).total());
        stage.wait("waiting for the better director", within, |stage| stage.owner() == home);
        Ok(stage)
    }

    /// Somebody answers on the virtual address.
    fn answers(&self) -> bool {
        self.site.pair.probes.iter().all(|probe| {
            let target = probe.target().limit(Duration::from_secs(1));
            self.ask(target, probe, 1).is_ok_and(|tally| tally.failed() == 0)
        })
    }

    /// What the files say.
    pub fn pair(&self) -> &Pair {
        &self.site.pair
    }

    /// The clients begin to ask, if anything can be asked.
    ///
    /// # Errors
    /// As [`Clients::start`].
    pub fn start_clients(&mut self) -> io::Result<()> {
        if self.clients.is_none() && !self.site.clients.is_empty() {
            let asks = |client: &IpAddr| Some((*client, self.site.pair.probe_of(client)?.clone()));
            let asking = self.site.clients.iter().filter_map(asks).collect();
            self.clients = Some(Clients::start(&self.site.client, asking)?);
        }
        Ok(())
    }

    /// Requests from one client's address, one after another.
    ///
    /// # Errors
    /// As [`super::Node::within`].
    pub fn ask(&self, target: Target, probe: &Probe, count: usize) -> io::Result<Tally> {
        let probe = probe.clone();
        self.site.client.within(move || {
            let mut tally = Tally::default();
            (0..count).for_each(|_| tally.add(target.get_from(&probe.host, &probe.path)));
            Ok(tally)
        })
    }

    /// Notes what is done, for the timeline.
    pub fn note(&mut self, drill: &'static str, act: impl Into<String>) {
        self.acts.push((Instant::now(), Entry::Act { drill, act: act.into() }));
    }

    /// Waits for something, and lets people see it. Says whether it came about.
    pub fn wait(&mut self, what: &str, limit: Duration, done: impl Fn(&Stage) -> bool) -> bool {
        self.progress.say(what);
        eventually(limit, || {
            if self.progress.is_due() {
                let state = format!("{} owns the address, {} mails", self.owner(), self.mails().len());
                self.progress.show(&state);
            }
            done(self)
        })
    }

    /// The adverts that the directors have sent for the virtual router that is followed.
    fn claims(&self, router: u8) -> Vec<Claim> {
        let claims = |director: usize| {
            let claim = move |(at, event)| {
                let (from, of, priority) = match event {
                    Event::Advert { from, router, priority } => (from.into(), router, priority),
                    Event::Advert6 { from, router, priority } => (from.into(), router, priority),
                    _ => return None,
                };
                let claims = of == router && self.pair().speaks_from(director, from);
                claims.then_some(Claim { at, director, priority })
            };
            self.ears[director].heard().into_iter().filter_map(claim)
        };
        let mut all: Vec<Claim> = claims(0).chain(claims(1)).collect();
        all.sort_by_key(|claim| claim.at);
        all
    }

    /// Who has owned the virtual router that is followed, with the moments of change.
    pub fn owners(&self) -> Vec<(Instant, Owner)> {
        self.pair()
            .router()
            .map_or_else(Vec::new, |router| owner::changes(&self.claims(router.router), router.sides[0].interval))
    }

    /// Who owns it now.
    pub fn owner(&self) -> Owner {
        self.owners().last().map_or(Owner::Nobody, |(_, owner)| *owner)
    }

    /// Mails so far.
    pub fn mails(&self) -> Vec<Mail> {
        let mut mails: Vec<Mail> = self.site.mails.iter().flat_map(super::MailSink::mails).collect();
        mails.sort_by_key(|mail| mail.at);
        mails
    }

    /// Whether nothing is down by the last that the checkers have mailed of it.
    pub fn nothing_is_down(&self) -> bool {
        let mut down = Vec::new();
        for mail in self.mails() {
            if let Some(what) = mail.subject().strip_suffix(" - UP") {
                down.retain(|other| other != what);
            } else if let Some(what) = mail.subject().strip_suffix(" - DOWN") {
                down.push(what.to_owned());
            }
        }
        down.is_empty()
    }

    /// How many clients ask.
    pub fn askers(&self) -> usize {
        self.clients.as_ref().map_or(0, |_| self.site.clients.len())
    }

    /// The clients' log, empty without clients.
    pub fn log(&self) -> Vec<Request> {
        self.clients.as_ref().map_or_else(Vec::new, Clients::log)
    }

    /// Whether every client has been answered since a moment.
    pub fn served_since(&self, moment: Instant) -> bool {
        self.clients.as_ref().is_none_or(|clients| clients.served_since(moment, self.site.clients.len()))
    }

    /// Waits until every request sent before a moment is over, well or badly.
    pub fn settle(&mut self, before: Instant) {
        let over = |stage: &Stage| stage.clients.as_ref().is_none_or(|clients| clients.settled(before));
        self.wait("waiting for the last requests", PATIENCE * 2, over);
    }

    /// Everything so far.
    pub fn timeline(&self) -> Timeline {
        let router = self.pair().router().map(|router| router.name.clone()).unwrap_or_default();
        let owners = self.owners().into_iter().map(|(at, owner)| (at, Entry::Owner { router: router.clone(), owner }));
        let mails = self.mails().into_iter().map(|mail| (mail.at, Entry::Mail { subject: mail.subject().to_owned() }));
        let log = self.log();
        let window = log.first().map(|first| [first.sent, Instant::now()]);
        let silences = window.map(|window| silences(&log, self.site.clients.len(), window, NOTABLE));
        let entries = self.acts.iter().cloned().chain(owners).chain(mails).chain(silences.unwrap_or_default());
        Timeline::new(self.began, entries)
    }

    /// The clients' log as text, from a request on up to the first that is still under way, and the number of that one.
    /// A line is milliseconds since the rehearsal began, the client, how long it took, what came.
    pub fn client_log(&self, from: usize) -> (String, usize) {
        let since = |at: Instant| millis(at.saturating_duration_since(self.began));
        let line = |request: &Request| {
            let client = self.site.clients.get(request.client).map(ToString::to_string).unwrap_or_default();
            let (at, answer) = request.answer?;
            Some(format!("{} {client} {} ms {answer:?}\n", since(request.sent), millis(at - request.sent)))
        };
        let log = self.clients.as_ref().map_or_else(Vec::new, |clients| clients.log_from(from));
        let lines: Vec<String> = log.iter().map_while(line).collect();
        (lines.concat(), from + lines.len())
    }

    /// What both keepalived and both nginx have said, for people who must find out why.
    pub fn logs(&self) -> String {
        let log = |which: usize| {
            let keepalived = self.running[which].stderr() + &self.running[which].stdout();
            let nginx = self.site.directors[which].error_log();
            format!("--- director {}: keepalived\n{keepalived}--- director {0}: nginx\n{nginx}", which + 1)
        };
        log(0) + &log(1)
    }
}

/// The files of a directory that the rehearsal leaves behind when it is asked to.
impl Stage {
    /// Writes the clients' log, the directors' logs and the timeline, and says where.
    ///
    /// # Errors
    /// As [`fs::write`].
    pub fn keep_logs(&self) -> io::Result<PathBuf> {
        let directory = std::env::temp_dir().join(format!("rkeep-rehearse-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("client.log"), self.client_log(0).0)?;
        fs::write(directory.join("directors.log"), self.logs())?;
        fs::write(directory.join("timeline.log"), self.timeline().to_string())?;
        Ok(directory)
    }
}
