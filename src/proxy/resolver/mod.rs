//! `resolver`: addresses of names that only a request knows, remembered for as long as the answers say or `valid=` says.

pub mod ask;
pub mod gather;
pub mod message;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use rkeep_parsers::table::value;
use tokio::sync::watch;
use tokio::task::spawn_local;

use gather::{Failure, Gathered, Outcome};
use message::Kind;

/// How many names are remembered at most.
const MOST_NAMES: usize = 10_000;

/// How many aliases may stand for each other.
const MOST_ALIASES: usize = 50;

/// Name servers and what they have said.
#[derive(Debug)]
pub struct Resolver {
    conf: value::Resolver,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    known: LruCache<String, (Outcome, Instant)>,
    /// Names that are being asked about; several requests may wait for one answer.
    asked: HashMap<String, watch::Receiver<Option<Outcome>>>,
    /// The server whose turn it is.
    turn: usize,
}

/// The resolvers of a snapshot: one for all that is written alike.
#[derive(Debug, Default)]
pub struct Resolvers(Vec<Arc<Resolver>>);

impl Resolvers {
    /// The resolver of a directive, with what it knows from before.
    pub fn get(&mut self, conf: &value::Resolver, old: Option<&Resolvers>) -> Arc<Resolver> {
        let same = |resolver: &&Arc<Resolver>| resolver.conf == *conf;
        if let Some(known) = self.0.iter().find(same) {
            return known.clone();
        }
        let known = old.and_then(|old| old.0.iter().find(same)).cloned();
        let resolver = known.unwrap_or_else(|| Arc::new(Resolver::new(conf.clone())));
        self.0.push(resolver.clone());
        resolver
    }
}

impl Resolver {
    fn new(conf: value::Resolver) -> Self {
        let state = State { known: LruCache::unbounded(), asked: HashMap::new(), turn: 0 };
        Resolver { conf, state: Mutex::new(state) }
    }

    /// The addresses of a name, those of IPv4 before others, of each kind a random one first.
    ///
    /// # Errors
    /// Why there are none. There is no timeout: that is the caller's.
    pub async fn resolve(self: &Arc<Self>, name: &str) -> Result<Vec<IpAddr>, Failure> {
        self.resolve_for(name).await.0
    }

    /// The same, and for how long that is known.
    pub async fn resolve_for(self: &Arc<Self>, name: &str) -> (Result<Vec<IpAddr>, Failure>, Duration) {
        let mut name = name.to_ascii_lowercase().trim_end_matches('.').to_owned();
        let mut lasting = Duration::MAX;
        for _ in 0..MOST_ALIASES {
            let outcome = self.look_up(&name).await;
            lasting = lasting.min(self.lasting(&name));
            match outcome {
                Outcome::Addresses(found) => {
                    return (Ok(turned(found, super::upstream::chance() as usize)), lasting);
                }
                Outcome::Alias(other) => name = other,
                Outcome::Failed(failure) => return (Err(failure), lasting),
            }
        }
        (Err(Failure::NOT_FOUND), lasting)
    }

    /// How long what is known of a name holds.
    fn lasting(&self, name: &str) -> Duration {
        let until = self.state().known.peek(name).map(|(_, until)| *until);
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a name; the servers are asked if nothing is.
    async fn look_up(self: &Arc<Self>, name: &str) -> Outcome {
        let mut answer = {
            let mut state = self.state();
            if let Some((known, until)) = state.known.get(name)
                && *until > Instant::now()
            {
                return known.clone();
            }
            let waiting = state.asked.get(name).filter(|answer| answer.has_changed().is_ok()).cloned();
            match waiting {
                Some(answer) => answer,
                None => self.ask(&mut state, name),
            }
        };
        let outcome = answer.wait_for(Option::is_some).await.map(|outcome| outcome.clone()).ok().flatten();
        outcome.unwrap_or(Outcome::Failed(Failure::TIMED_OUT))
    }

    /// Begins to ask; goes on as long as anybody waits for the answer, whoever asked first.
    fn ask(self: &Arc<Self>, state: &mut State, name: &str) -> watch::Receiver<Option<Outcome>> {
        let (sender, receiver) = watch::channel(None);
        let first = state.turn;
        state.turn = (state.turn + 1) % self.conf.servers.len().max(1);
        state.asked.insert(name.to_owned(), receiver.clone());
        let (resolver, name) = (self.clone(), name.to_owned());
        spawn_local(async move {
            let mut gathered = Gathered::new(resolver.kinds());
            tokio::select! {
                () = ask::ask(&resolver.conf.servers, first, &name, &mut gathered) => {}
                () = nobody_waits(&sender) => {}
            }
            let outcome = resolver.remember(name, &gathered);
            sender.send_replace(Some(outcome));
        });
        receiver
    }

    fn kinds(&self) -> Vec<Kind> {
        let wanted = [(self.conf.ipv4, Kind::A), (self.conf.ipv6, Kind::Aaaa)];
        wanted.into_iter().filter_map(|(wanted, kind)| wanted.then_some(kind)).collect()
    }

    fn remember(&self, name: String, gathered: &Gathered) -> Outcome {
        let mut state = self.state();
        state.asked.remove(&name);
        let Some((outcome, ttl)) = gathered.outcome() else { return Outcome::Failed(Failure::TIMED_OUT) };
        if matches!(outcome, Outcome::Failed(_)) {
            return outcome;
        }
        let lasting = self.conf.valid.map_or(Duration::from_secs(ttl.into()), |valid| valid.duration());
        state.known.put(name, (outcome.clone(), Instant::now() + lasting));
        if state.known.len() > MOST_NAMES {
            state.known.pop_lru();
        }
        outcome
    }
}

/// Addresses by their kinds, each kind turned by `chance`.
fn turned(found: Vec<IpAddr>, chance: usize) -> Vec<IpAddr> {
    let (mut four, mut six): (Vec<_>, Vec<_>) = found.into_iter().partition(IpAddr::is_ipv4);
    for kind in [&mut four, &mut six] {
        let start = chance % kind.len().max(1);
        kind.rotate_left(start);
    }
    four.append(&mut six);
    four
}

/// Ready once nobody but the resolver's own list waits for an answer.
async fn nobody_waits(sender: &watch::Sender<Option<Outcome>>) {
    const OWN: usize = 1;
    while sender.receiver_count() > OWN {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stay_together() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let found = vec![ip("::1"), ip("1.1.1.1"), ip("2.2.2.2"), ip("::2")];
        assert_eq!(turned(found.clone(), 0), [ip("1.1.1.1"), ip("2.2.2.2"), ip("::1"), ip("::2")]);
        assert_eq!(turned(found, 3), [ip("2.2.2.2"), ip("1.1.1.1"), ip("::2"), ip("::1")]);
        assert!(turned(Vec::new(), 1).is_empty());
    }
}
