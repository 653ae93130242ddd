//! keepalived's `virtual_server`s, their real servers and how those are checked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::ir::vrrp::Script;
use crate::source::Span;

/// A `virtual_server`.
#[derive(Clone, Debug)]
pub struct Service {
    /// What clients connect to.
    pub address: SocketAddr,
    /// `protocol`
    pub protocol: Protocol,
    /// `delay_loop`: between two checks, 60 s unless said.
    pub delay_loop: Duration,
    /// `lb_algo`, `lvs_sched`
    pub scheduler: Scheduler,
    /// `lb_kind`, `lvs_method`
    pub forward: Forward,
    /// `persistence_timeout`; one client address stays with one real server so long after its last connection.
    pub persistence: Option<Duration>,
    /// `persistence_granularity` as a prefix length.
    pub persistence_prefix: Option<u8>,
    /// `quorum`, 1 unless said.
    pub quorum: u32,
    /// `hysteresis`
    pub hysteresis: u32,
    /// `ha_suspend`
    pub ha_suspend: bool,
    /// `alpha`: real servers are down until a check succeeded.
    pub alpha: bool,
    /// `omega`
    pub omega: bool,
    /// `smtp_alert`
    pub smtp_alert: bool,
    /// `quorum_up`
    pub quorum_up: Option<Script>,
    /// `quorum_down`
    pub quorum_down: Option<Script>,
    /// `sorry_server`
    pub sorry_server: Option<SocketAddr>,
    /// Its real servers in the order of the file.
    pub real_servers: Vec<RealServer>,
    /// The block.
    pub span: Span,
}

/// `protocol`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// `TCP`
    #[default]
    Tcp,
    /// `UDP`
    Udp,
    /// `SCTP`
    Sctp,
}

/// `lb_algo`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheduler {
    /// Round robin.
    RoundRobin,
    /// Weighted round robin.
    WeightedRoundRobin,
    /// Least connections.
    LeastConnection,
    /// Weighted least connections: keepalived's default.
    #[default]
    WeightedLeastConnection,
    /// Source hash.
    SourceHash,
    /// Another of the kernel's, by number in keepalived's list; not served by the user-space forwarder.
    Other(&'static str),
}

/// `lb_kind`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forward {
    /// `NAT`
    #[default]
    Nat,
    /// `DR`
    DirectRoute,
    /// `TUN`
    Tunnel,
}

/// A `real_server`.
#[derive(Clone, Debug)]
pub struct RealServer {
    /// Where.
    pub address: SocketAddr,
    /// `weight`, 1 unless said.
    pub weight: i32,
    /// `inhibit_on_failure`
    pub inhibit_on_failure: bool,
    /// `smtp_alert`, on unless said.
    pub smtp_alert: bool,
    /// `notify_up`
    pub notify_up: Option<Script>,
    /// `notify_down`
    pub notify_down: Option<Script>,
    /// Its checks; it is up while all of them succeed.
    pub checks: Vec<Check>,
    /// The block.
    pub span: Span,
}

/// One checker of a real server.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is done.
    pub kind: CheckKind,
    /// `connect_ip`, `connect_port`: the real server's own unless said.
    pub connect: SocketAddr,
    /// `bindto`, `bind_port`
    pub bind: Option<SocketAddr>,
    /// `bind_if`
    pub bind_interface: Option<String>,
    /// `fwmark`
    pub fwmark: u32,
    /// `connect_timeout`, 5 s unless said.
    pub timeout: Duration,
    /// `retry`, 1 unless said.
    pub retry: u32,
    /// `delay_before_retry`, 1 s unless said.
    pub delay_before_retry: Duration,
    /// `delay_loop`; the service's unless said.
    pub delay_loop: Duration,
    /// `warmup`: the first check comes after a random time up to this.
    pub warmup: Duration,
    /// `alpha`
    pub alpha: bool,
    /// `log_all_failures`
    pub log_all_failures: bool,
    /// The block.
    pub span: Span,
}

/// What a check does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// `TCP_CHECK`: a connection comes about.
    Tcp,
    /// `BFD_CHECK`: the `bfd_instance` of this name is up. Nothing is probed: its changes are heard.
    Bfd(String),
}

impl Service {
    /// `[192.168.3.253]:tcp:80`, as keepalived names services in logs and mails.
    pub fn shown(&self) -> String {
        shown(self.address, self.protocol)
    }

    /// Why it cannot be served without the kernel's IPVS, in words that say what to do; none when it can.
    pub fn needs_ipvs(&self) -> Option<String> {
        if self.protocol != Protocol::Tcp {
            return Some("without IPVS only protocol TCP is forwarded".to_owned());
        }
        match self.forward {
            Forward::Nat => {}
            Forward::DirectRoute => return Some("lb_kind DR needs IPVS; without it write lb_kind NAT".to_owned()),
            Forward::Tunnel => return Some("lb_kind TUN needs IPVS; without it write lb_kind NAT".to_owned()),
        }
        match self.scheduler {
            Scheduler::Other(name) => {
                Some(format!("lb_algo {name} needs IPVS; without it write one of rr, wrr, lc, wlc, sh"))
            }
            _ => None,
        }
    }
}

/// Pairs of virtual and real server where the real server is a virtual server from which connections would come back.
pub fn loops<'a>(services: impl Iterator<Item = &'a Service>) -> BTreeSet<(SocketAddr, SocketAddr)> {
    let edges: BTreeMap<SocketAddr, BTreeSet<SocketAddr>> = services
        .map(|service| {
            let servers = service.real_servers.iter().map(|server| server.address);
            (service.address, servers.chain(service.sorry_server).collect())
        })
        .collect();
    let pairs = edges.iter().flat_map(|(service, servers)| servers.iter().map(move |server| (*service, *server)));
    pairs.filter(|(service, server)| reaches(&edges, *server, *service)).collect()
}

fn reaches(edges: &BTreeMap<SocketAddr, BTreeSet<SocketAddr>>, from: SocketAddr, to: SocketAddr) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        if next == to {
            return true;
        }
        if seen.insert(next) {
            open.extend(edges.get(&next).into_iter().flatten());
        }
    }
    false
}

/// `[address]:protocol:port`, as keepalived names both kinds of servers.
pub fn shown(address: SocketAddr, protocol: Protocol) -> String {
    let protocol = match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Sctp => "sctp",
    };
    let ip: IpAddr = address.ip();
    format!("[{ip}]:{protocol}:{}", address.port())
}

/// The address in a name made by [`shown`].
pub fn address_shown(name: &str) -> Option<IpAddr> {
    name.strip_prefix('[')?.split_once(']')?.0.parse().ok()
}
