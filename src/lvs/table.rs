//! What is wanted, by the file and the facts, against what is: the difference is all that a backend is asked to do.
//! Pure. The user-space forwarder carries the changes out; a kernel that has IPVS could be asked for the same.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use rkeep_parsers::ir::service::{Scheduler, Service, loops};

use crate::bus::{Fact, Subject, Verdict};

/// How a virtual server balances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// `lb_algo`
    pub scheduler: Scheduler,
    /// `persistence_timeout`
    pub persistence: Option<Duration>,
    /// `persistence_granularity`
    pub persistence_prefix: Option<u8>,
}

/// A virtual server in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How it balances.
    pub terms: Terms,
    /// Real servers and their weights.
    pub destinations: BTreeMap<SocketAddr, i32>,
}

/// Virtual servers by address. All are TCP: nothing else is forwarded in user space.
pub type Table = BTreeMap<SocketAddr, Entry>;

/// One step from what is to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new virtual server, without real servers yet.
    AddService(SocketAddr, Terms),
    /// It balances otherwise.
    EditService(SocketAddr, Terms),
    /// It is gone, with its real servers.
    RemoveService(SocketAddr),
    /// A real server comes.
    AddDestination(SocketAddr, SocketAddr, i32),
    /// A real server's weight changes.
    EditDestination(SocketAddr, SocketAddr, i32),
    /// A real server goes.
    RemoveDestination(SocketAddr, SocketAddr),
}

/// What the facts say about real servers and quorums, by the names keepalived shows.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Real servers that have been spoken of: whether they are up.
    servers: BTreeMap<(String, SocketAddr), bool>,
    /// Virtual servers that have been spoken of: whether they have their quorum.
    quorums: BTreeMap<String, bool>,
}

impl Known {
    /// Takes a fact in; whether it can change the table.
    pub fn take(&mut self, fact: &Fact) -> bool {
        let up = fact.verdict == Verdict::Up;
        match &fact.subject {
            Subject::RealServer { service, address, .. } => {
                self.servers.insert((service.clone(), *address), up) != Some(up)
            }
            Subject::Service(service) => self.quorums.insert(service.clone(), up) != Some(up),
            _ => false,
        }
    }

    fn server(&self, service: &str, address: SocketAddr) -> Option<bool> {
        self.servers.get(&(service.to_owned(), address)).copied()
    }
}

/// The table that the file and the facts ask for. A real server nothing is known of yet gets no connection, nor does
/// one that would lead back to its own virtual server.
pub fn wanted<'a>(services: impl Iterator<Item = &'a Service> + Clone, known: &Known) -> Table {
    let loops = loops(services.clone());
    let served = services.filter(|service| service.needs_ipvs().is_none());
    served.map(|service| (service.address, entry(service, known, &loops))).collect()
}

fn entry(service: &Service, known: &Known, loops: &BTreeSet<(SocketAddr, SocketAddr)>) -> Entry {
    let name = service.shown();
    let mut destinations = BTreeMap::new();
    let sorry = service.sorry_server.filter(|_| known.quorums.get(&name) == Some(&false));
    for server in &service.real_servers {
        match known.server(&name, server.address) {
            Some(true) if sorry.is_none() => destinations.insert(server.address, server.weight),
            Some(false) if server.inhibit_on_failure => destinations.insert(server.address, 0),
            _ => None,
        };
    }
    if let Some(sorry) = sorry {
        destinations.insert(sorry, 1);
    }
    destinations.retain(|destination, _| !loops.contains(&(service.address, *destination)));
    let terms = Terms {
        scheduler: service.scheduler,
        persistence: service.persistence,
        persistence_prefix: service.persistence_prefix,
    };
    Entry { terms, destinations }
}

/// The steps from `is` to `want`: what goes goes first.
pub fn diff(is: &Table, want: &Table) -> Vec<Change> {
    let gone = is.keys().filter(|service| !want.contains_key(service));
    let mut changes: Vec<Change> = gone.map(|service| Change::RemoveService(*service)).collect();
    for (service, entry) in want {
        let old = is.get(service);
        match old {
            None => changes.push(Change::AddService(*service, entry.terms.clone())),
            Some(old) if old.terms != entry.terms => changes.push(Change::EditService(*service, entry.terms.clone())),
            Some(_) => {}
        }
        let none = BTreeMap::new();
        diff_destinations(*service, old.map_or(&none, |old| &old.destinations), &entry.destinations, &mut changes);
    }
    changes
}

fn diff_destinations(
    service: SocketAddr,
    is: &BTreeMap<SocketAddr, i32>,
    want: &BTreeMap<SocketAddr, i32>,
    changes: &mut Vec<Change>,
) {
    let gone = is.keys().filter(|destination| !want.contains_key(destination));
    changes.extend(gone.map(|destination| Change::RemoveDestination(service, *destination)));
    for (destination, weight) in want {
        match is.get(destination) {
            None => changes.push(Change::AddDestination(service, *destination, *weight)),
            Some(old) if old != weight => changes.push(Change::EditDestination(service, *destination, *weight)),
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use rkeep_parsers::ir::service::{Forward, Protocol};

    use super::*;
    use crate::bus::Cause;
    use crate::testing::plans;

    fn at(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    /// A virtual server and what is said of it; `servers` with weight 3.
    fn service(address: &str, servers: &[&str]) -> Service {
        let server = |server: &&str| format!("real_server {} {{\n weight 3\n }}\n", server.replace(':', " "));
        let servers: String = servers.iter().map(server).collect();
        let address = address.replace(':', " ");
        let text = format!("virtual_server {address} {{\n lb_algo rr\n lb_kind NAT\n protocol TCP\n {servers} }}\n");
        plans(&text).check.services.values().next().cloned().expect("a virtual server")
    }

    fn say(known: &mut Known, service: &Service, server: Option<&str>, verdict: Verdict) {
        let name = service.shown();
        let subject = match server {
            Some(server) => Subject::RealServer { service: name, server: server.to_owned(), address: at(server) },
            None => Subject::Service(name),
        };
        known.take(&Fact { subject, verdict, cause: Cause::default(), since: SystemTime::UNIX_EPOCH, seq: 1 });
    }

    #[test]
    fn real_servers_come_and_go_with_the_facts() {
        let vs = service("192.168.3.253:80", &["192.168.3.1:80", "192.168.3.2:80"]);
        let mut known = Known::default();
        let none = wanted([&vs].into_iter(), &known);
        assert!(none[&vs.address].destinations.is_empty(), "nothing is known yet");
        say(&mut known, &vs, Some("192.168.3.1:80"), Verdict::Up);
        say(&mut known, &vs, Some("192.168.3.2:80"), Verdict::Down);
        let one = wanted([&vs].into_iter(), &known);
        assert_eq!(diff(&none, &one), [Change::AddDestination(vs.address, at("192.168.3.1:80"), 3)]);
        say(&mut known, &vs, Some("192.168.3.1:80"), Verdict::Down);
        let gone = wanted([&vs].into_iter(), &known);
        assert_eq!(diff(&one, &gone), [Change::RemoveDestination(vs.address, at("192.168.3.1:80"))]);
        assert_eq!(diff(&gone, &Table::new()), [Change::RemoveService(vs.address)]);
        assert!(diff(&one, &one).is_empty());
    }

    #[test]
    fn a_lost_quorum_leaves_the_sorry_server_and_the_inhibited() {
        let mut vs = service("192.168.3.253:80", &["192.168.3.1:80", "192.168.3.2:80"]);
        vs.sorry_server = Some(at("192.168.3.3:80"));
        vs.real_servers[1].inhibit_on_failure = true;
        let mut known = Known::default();
        say(&mut known, &vs, Some("192.168.3.1:80"), Verdict::Up);
        say(&mut known, &vs, Some("192.168.3.2:80"), Verdict::Down);
        say(&mut known, &vs, None, Verdict::Down);
        let table = wanted([&vs].into_iter(), &known);
        let expected = BTreeMap::from([(at("192.168.3.2:80"), 0), (at("192.168.3.3:80"), 1)]);
        assert_eq!(table[&vs.address].destinations, expected);
    }

    #[test]
    fn a_connection_never_comes_back_to_its_virtual_server() {
        let own = service("10.0.0.1:80", &["10.0.0.1:80", "10.0.0.9:80"]);
        let there = service("10.0.0.2:80", &["10.0.0.3:80"]);
        let back = service("10.0.0.3:80", &["10.0.0.2:80", "10.0.0.1:80"]);
        let all = [&own, &there, &back];
        let expected = [(own.address, own.address), (there.address, back.address), (back.address, there.address)];
        assert_eq!(loops(all.into_iter()), expected.into_iter().collect(), "a chain is no loop");
    }

    #[test]
    fn what_user_space_cannot_do_is_refused() {
        let mut vs = service("10.0.0.1:80", &["10.0.0.9:80"]);
        assert_eq!(vs.needs_ipvs(), None);
        vs.scheduler = Scheduler::Other("lblc");
        assert!(vs.needs_ipvs().is_some_and(|why| why.contains("lb_algo lblc")));
        vs.forward = Forward::DirectRoute;
        assert!(vs.needs_ipvs().is_some_and(|why| why.contains("lb_kind DR")));
        vs.protocol = Protocol::Udp;
        assert!(vs.needs_ipvs().is_some_and(|why| why.contains("only protocol TCP")));
        assert!(wanted([&vs].into_iter(), &Known::default()).is_empty());
    }
}
