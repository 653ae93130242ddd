//! Empties the queue: the oldest mail first, one connection each, and when the server is away a growing pause.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::info;

use super::compose::Mail;
use super::queue::{Claim, Spool};
use super::send::{Delivery, Failure, Kind, send};
use crate::bus::{Cause, Publisher, Subject, Verdict};

/// The first pause after a failure; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// No mail waits longer than this for a server that is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How mails get out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What we say we are.
    pub helo: String,
    /// How long it may take over each step.
    pub timeout: Duration,
}

/// Sends in the background what is put into its spool.
pub struct Postman {
    spool: Spool,
    wake: Arc<Notify>,
    route: watch::Sender<Option<Route>>,
    round: JoinHandle<()>,
}

impl Postman {
    /// Starts with what already waits. Without a route mails wait.
    pub fn start(spool: Spool, route: Option<Route>, facts: Publisher) -> Self {
        let wake = Arc::new(Notify::new());
        let (route, routes) = watch::channel(route);
        let round = Round { spool: spool.clone(), wake: wake.clone(), routes, facts, failures: 0 };
        Postman { spool, wake, route, round: tokio::spawn(round.run()) }
    }

    /// Keeps a mail and sends it as soon as the server takes it.
    pub fn post(&self, mail: &Mail) {
        match self.spool.put(mail) {
            Ok(()) => self.wake.notify_one(),
            Err(error) => info!("Mail \"{}\" is lost: {}: {error}", mail.subject, self.spool.dir().display()),
        }
    }

    /// From now on mails go this way, and at once.
    pub fn reroute(&self, route: Option<Route>) {
        self.route.send_if_modified(|old| {
            let changed = *old != route;
            *old = route;
            changed
        });
    }

    /// Sends what can be sent within `patience`; the rest waits on disk for the next start.
    pub async fn stop(self, patience: Duration) {
        let emptied = async {
            while !self.spool.waiting().is_empty() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = timeout(patience, emptied).await;
        self.round.abort();
    }
}

struct Round {
    spool: Spool,
    wake: Arc<Notify>,
    routes: watch::Receiver<Option<Route>>,
    facts: Publisher,
    /// Tries that failed since one did not.
    failures: u32,
}

impl Round {
    async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            for path in self.spool.trim(SystemTime::now()) {
                info!("Mail {} is dropped: it could not be sent in time", path.display());
            }
            let route = self.routes.borrow_and_update().clone();
            let failed = match &route {
                Some(route) => !self.deliver_all(route, pause).await,
                None => false,
            };
            let rest = failed.then_some(pause);
            pause = if failed { (pause * 2).min(LONGEST_PAUSE) } else { FIRST_PAUSE };
            if self.wait(rest).await == Woken::Rerouted {
                pause = FIRST_PAUSE;
            }
        }
    }

    /// Until there may be something to do: after a failure the pause, a new mail, or another route.
    async fn wait(&mut self, pause: Option<Duration>) -> Woken {
        let due = async {
            match pause {
                Some(pause) => sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = due => Woken::Due,
            () = self.wake.notified() => Woken::Due,
            changed = self.routes.changed() => match changed {
                Ok(()) => Woken::Rerouted,
                // The postman is gone; so will this task be.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Tries each mail that waits once, until the server is away; whether all have got out.
    async fn deliver_all(&mut self, route: &Route, pause: Duration) -> bool {
        let mut complete = true;
        for path in self.spool.waiting() {
            let Some(claim) = self.spool.claim(&path) else { continue };
            match send(route, &claim.mail).await {
                Ok(delivery) => complete &= self.delivered(claim, delivery),
                Err(failure) if failure.kind == Kind::Never => self.dropped(claim, &failure),
                Err(failure) => {
                    self.deferred(&failure, pause);
                    complete = false;
                    if failure.kind == Kind::Away {
                        return false;
                    }
                }
            }
        }
        complete
    }

    /// Whether it has reached everybody it can reach.
    fn delivered(&mut self, claim: Claim, delivery: Delivery) -> bool {
        for (to, why) in &delivery.refused {
            info!("SMTP server refuses mail for {to}: {why}");
        }
        let subject = claim.mail.subject.clone();
        let complete = delivery.deferred.is_empty();
        let result = if complete { claim.done() } else { claim.keep_for(delivery.deferred) };
        if let Err(error) = result {
            info!("Mail \"{subject}\" is sent but stays in the spool: {error}");
        }
        if std::mem::take(&mut self.failures) > 0 {
            self.say(Verdict::Up, "sent", "");
        }
        complete
    }

    fn dropped(&mut self, claim: Claim, failure: &Failure) {
        info!("{}; mail \"{}\" is dropped", failure.text, claim.mail.subject);
        if let Err(error) = claim.done() {
            info!("A mail that is dropped stays in the spool: {error}");
        }
        self.say(Verdict::Up, "refused", &failure.text);
    }

    /// Says so the first time, the second, the fourth …: a server that is away for days does not fill the log.
    fn deferred(&mut self, failure: &Failure, pause: Duration) {
        self.failures = self.failures.saturating_add(1);
        if self.failures.is_power_of_two() {
            let waiting = self.spool.waiting().len();
            info!("{}; {waiting} mail(s) waiting, next try in {} s", failure.text, pause.as_secs());
        }
        if self.failures == 1 {
            self.say(Verdict::Down, "deferred", &failure.text);
        }
    }

    fn say(&self, verdict: Verdict, kind: &str, text: &str) {
        let cause = Cause { kind: kind.to_owned(), text: text.to_owned(), value: 0 };
        self.facts.say(Subject::Mail("spool".to_owned()), verdict, cause);
    }
}

#[derive(PartialEq, Eq)]
enum Woken {
    Due,
    Rerouted,
}
