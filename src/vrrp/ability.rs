//! Whether this box can serve what is asked of its virtual addresses: a listener of its own proxy, or a virtual server with
//! a live real server, answers for them. Pure.
//!
//! It counts only where both are ours: without a proxy of ours on the box nothing is known, and nothing follows.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rkeep_parsers::ir::service;
use rkeep_parsers::ir::vrrp::Router;

use crate::bus::{Fact, Role, Subject, Verdict, cause};

/// How long it must have served again before that is believed.
const AGAIN: Duration = Duration::from_secs(3);

/// What an instance's box can do for its addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ability {
    /// Nobody of ours serves them, or the instance shall not care.
    #[default]
    Unknown,
    /// All that should answer does.
    Able,
    /// Something that should answer does not.
    Unable,
}

/// What is known of those that answer on this box.
#[derive(Debug, Default)]
pub struct Abilities {
    /// Whether there is a proxy of ours; it may have died.
    proxy: bool,
    /// The process that serves virtual servers hangs, or is gone.
    unserved: bool,
    /// Those that answer, and whether they do.
    answers: BTreeMap<Subject, bool>,
    /// The instances that could not be served, and since when they can again.
    failed: BTreeMap<String, Option<Instant>>,
}

impl Abilities {
    /// Takes a fact in. Whether anything may follow from it.
    pub fn note(&mut self, fact: &Fact) -> bool {
        let gone = fact.verdict == Verdict::Deleted;
        match &fact.subject {
            Subject::Process(Role::Worker) => std::mem::replace(&mut self.proxy, !gone) == gone,
            Subject::Process(Role::Checkers) => {
                let unserved = fact.verdict == Verdict::Down && fact.cause.kind == cause::LEASE;
                std::mem::replace(&mut self.unserved, unserved) != unserved
            }
            Subject::Listener(_) | Subject::Service(_) if gone => self.answers.remove(&fact.subject).is_some(),
            Subject::Listener(_) | Subject::Service(_) => {
                let answers = fact.verdict == Verdict::Up;
                self.answers.insert(fact.subject.clone(), answers) != Some(answers)
            }
            _ => false,
        }
    }

    /// What this box can do for each instance. A member of a group fares as its worst companion.
    pub fn judge(&mut self, now: Instant, routers: &[&Router]) -> Vec<Ability> {
        self.failed.retain(|name, _| routers.iter().any(|router| router.name == *name));
        let alone: Vec<Ability> = routers.iter().map(|router| self.lasting(now, router)).collect();
        let fares = |(router, own): (&&Router, &Ability)| {
            let companions = routers.iter().zip(&alone).filter(|(other, _)| other.group == router.group);
            let worst = companions.map(|(_, ability)| *ability).max_by_key(|ability| *ability == Ability::Unable);
            worst.filter(|worst| router.group.is_some() && *worst == Ability::Unable).unwrap_or(*own)
        };
        routers.iter().zip(&alone).map(fares).collect()
    }

    /// When it must be judged again though nothing has been heard.
    pub fn deadline(&self) -> Option<Instant> {
        self.failed.values().filter_map(|since| since.map(|since| since + AGAIN)).min()
    }

    /// Once unable, an instance's box is able only after it has been for a while.
    fn lasting(&mut self, now: Instant, router: &Router) -> Ability {
        let ability = self.momentary(router);
        if ability == Ability::Unable {
            self.failed.insert(router.name.clone(), None);
        } else if ability == Ability::Unknown {
            self.failed.remove(&router.name);
        } else if let Some(since) = self.failed.get_mut(&router.name) {
            let since = *since.get_or_insert(now);
            if now.duration_since(since) < AGAIN {
                return Ability::Unable;
            }
            self.failed.remove(&router.name);
        }
        ability
    }

    fn momentary(&self, router: &Router) -> Ability {
        if !self.proxy || !router.follows_service {
            return Ability::Unknown;
        }
        let addresses = router.addresses.iter().chain(&router.excluded);
        let mut known = addresses.filter_map(|address| self.is_answered(address.address)).peekable();
        match (known.peek().is_some(), known.all(|answered| answered)) {
            (false, _) => Ability::Unknown,
            (true, true) => Ability::Able,
            (true, false) => Ability::Unable,
        }
    }

    /// Whether an address is answered; none when nobody should.
    fn is_answered(&self, address: IpAddr) -> Option<bool> {
        let concerned = self.answers.iter().filter(|(subject, _)| answers_for(subject, address));
        let served = |subject: &Subject| !(self.unserved && matches!(subject, Subject::Service(_)));
        concerned.map(|(subject, answers)| *answers && served(subject)).reduce(|one, other| one || other)
    }
}

/// Whether a subject takes connections to an address.
fn answers_for(subject: &Subject, address: IpAddr) -> bool {
    match subject {
        Subject::Listener(name) => name.parse::<SocketAddr>().is_ok_and(|bound| {
            let everywhere = bound.ip().is_unspecified() && bound.is_ipv4() == address.is_ipv4();
            bound.ip() == address || everywhere
        }),
        Subject::Service(name) => service::address_shown(name) == Some(address),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::ir::Id;

    use super::super::machine::tests::article;
    use super::*;
    use crate::bus::Cause;
    use Ability::{Able, Unable, Unknown};
    use Verdict::{Deleted, Down, Up};

    const LISTENER: &str = "0.0.0.0:80";
    const SERVICE: &str = "[192.168.3.253]:tcp:80";

    struct Bench {
        abilities: Abilities,
        now: Instant,
        router: Router,
    }

    impl Bench {
        fn new() -> Self {
            Bench { abilities: Abilities::default(), now: Instant::now(), router: article(100) }
        }

        fn proxy(&mut self, verdict: Verdict) -> bool {
            self.note(Subject::Process(Role::Worker), verdict)
        }

        fn listener(&mut self, name: &str, verdict: Verdict) -> bool {
            self.note(Subject::Listener(name.to_owned()), verdict)
        }

        fn service(&mut self, verdict: Verdict) -> bool {
            self.note(Subject::Service(SERVICE.to_owned()), verdict)
        }

        fn note(&mut self, subject: Subject, verdict: Verdict) -> bool {
            self.note_for(subject, verdict, Cause::default())
        }

        fn note_for(&mut self, subject: Subject, verdict: Verdict, cause: Cause) -> bool {
            let since = std::time::UNIX_EPOCH;
            self.abilities.note(&Fact { subject, verdict, cause, since, seq: 1 })
        }

        fn judge(&mut self) -> Ability {
            self.abilities.judge(self.now, &[&self.router])[0]
        }
    }

    #[test]
    fn without_a_proxy_of_ours_nothing_follows() {
        let mut bench = Bench::new();
        assert!(bench.service(Down));
        assert_eq!(bench.judge(), Unknown);
        assert!(bench.proxy(Up));
        assert!(!bench.proxy(Down), "it is still ours");
        assert_eq!(bench.judge(), Unable);
        assert!(bench.proxy(Deleted));
        assert_eq!(bench.judge(), Unknown);
    }

    #[test]
    fn what_answers_elsewhere_does_not_count() {
        let mut bench = Bench::new();
        bench.proxy(Up);
        bench.listener("192.168.3.1:80", Down);
        bench.listener("[::]:80", Down);
        assert_eq!(bench.judge(), Unknown);
        bench.listener(LISTENER, Up);
        assert_eq!(bench.judge(), Able);
        assert!(!bench.listener(LISTENER, Up));
    }

    #[test]
    fn one_that_answers_is_enough() {
        let mut bench = Bench::new();
        bench.proxy(Up);
        bench.listener(LISTENER, Down);
        bench.service(Up);
        assert_eq!(bench.judge(), Able);
        bench.service(Down);
        assert_eq!(bench.judge(), Unable);
    }

    #[test]
    fn checkers_that_hang_serve_nobody() {
        let mut bench = Bench::new();
        bench.proxy(Up);
        bench.listener(LISTENER, Down);
        bench.service(Up);
        assert!(!bench.note(Subject::Process(Role::Checkers), Down), "they are started again");
        assert_eq!(bench.judge(), Able);
        assert!(bench.note_for(Subject::Process(Role::Checkers), Down, Cause::kind(cause::LEASE)));
        assert_eq!(bench.judge(), Unable);
        assert!(bench.note(Subject::Process(Role::Checkers), Up));
        bench.judge();
        bench.now += AGAIN;
        assert_eq!(bench.judge(), Able);
    }

    #[test]
    fn it_must_have_served_for_a_while() {
        let mut bench = Bench::new();
        bench.proxy(Up);
        bench.listener(LISTENER, Down);
        assert_eq!((bench.judge(), bench.abilities.deadline()), (Unable, None));
        bench.listener(LISTENER, Up);
        assert_eq!(bench.judge(), Unable);
        assert_eq!(bench.abilities.deadline(), Some(bench.now + AGAIN));
        bench.now += AGAIN / 2;
        bench.listener(LISTENER, Down);
        assert_eq!((bench.judge(), bench.abilities.deadline()), (Unable, None), "it begins anew");
        bench.listener(LISTENER, Up);
        bench.judge();
        bench.now += AGAIN;
        assert_eq!((bench.judge(), bench.abilities.deadline()), (Able, None));
    }

    #[test]
    fn every_address_counts_and_a_group_fares_as_its_worst_member() {
        let mut bench = Bench::new();
        bench.proxy(Up);
        bench.listener("192.168.3.253:80", Up);
        bench.listener("192.168.3.252:80", Down);
        let other = |last| {
            let mut router = Router { name: format!("VI_{last}"), group: Some(Id::new(0)), ..article(100) };
            router.addresses[0].address = IpAddr::from([192, 168, 3, last]);
            router
        };
        let (healthy, ill, foreign) = (other(253), other(252), other(1));
        let routers = [&healthy, &ill, &foreign, &bench.router];
        assert_eq!(bench.abilities.judge(bench.now, &routers), [Unable, Unable, Unable, Able]);
        bench.router.addresses.extend(ill.addresses);
        assert_eq!(bench.judge(), Unable);
    }

    #[test]
    fn an_instance_that_shall_not_care_does_not() {
        let mut bench = Bench::new();
        bench.proxy(Up);
        bench.listener(LISTENER, Down);
        bench.router.follows_service = false;
        assert_eq!(bench.judge(), Unknown);
    }
}
