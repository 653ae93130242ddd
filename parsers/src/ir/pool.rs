//! Groups of servers that share work: nginx's `upstream`.

use std::time::Duration;

use super::expr::Expr;
use super::http::Address;
use crate::nginx::UpstreamKeepalive;
use crate::source::Span;
use crate::table::value::Resolver;

/// An `upstream`, or the addresses a `proxy_pass` names.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    /// The name, or `host:port` of an implied one.
    pub name: String,
    /// Whether an `upstream` block wrote it.
    pub explicit: bool,
    /// Its servers in the order of the file.
    pub servers: Vec<PoolServer>,
    /// How one is chosen.
    pub balancer: Balancer,
    /// `keepalive …`
    pub keepalive: UpstreamKeepalive,
    /// Where names of servers with `resolve` are asked for, and how long that may take.
    pub resolver: Option<(Resolver, Duration)>,
    /// `zone NAME SIZE`
    pub zone: Option<(String, u64)>,
    /// Where.
    pub span: Span,
}

/// One `server` of an `upstream`: a name may stand for several addresses, each a peer of its own.
#[derive(Clone, Debug)]
pub struct PoolServer {
    /// As written; nginx shows it for peers of the name.
    pub name: String,
    /// What the name resolved to when the file was read.
    pub addresses: Vec<Address>,
    /// `resolve`: the name that stands for its addresses while requests are served, and their port.
    pub resolve: Option<(String, u16)>,
    /// `weight=`, default 1.
    pub weight: u32,
    /// `max_conns=`, 0 for any number.
    pub max_conns: u32,
    /// `max_fails=`, default 1; 0 never counts.
    pub max_fails: u32,
    /// `fail_timeout=`, default 10 s.
    pub fail_timeout: Duration,
    /// `backup`
    pub backup: bool,
    /// `down`
    pub down: bool,
    /// Where.
    pub span: Span,
}

/// How a pool chooses.
#[derive(Clone, Debug, Default)]
pub enum Balancer {
    /// Smooth weighted round robin.
    #[default]
    RoundRobin,
    /// `ip_hash`
    IpHash,
    /// `least_conn`
    LeastConn,
    /// `hash key [consistent]`
    Hash {
        /// The key.
        key: Expr,
        /// Ketama.
        consistent: bool,
    },
    /// `random [two [least_conn]]`
    Random {
        /// Choose two, take the one with fewer connections by weight.
        two: bool,
    },
}

impl PoolServer {
    /// A server with nginx's defaults: weight 1, given up for 10 s after one failure.
    pub fn alone(name: &str, addresses: Vec<Address>) -> Self {
        PoolServer {
            name: name.to_owned(),
            addresses,
            resolve: None,
            weight: 1,
            max_conns: 0,
            max_fails: 1,
            fail_timeout: Duration::from_secs(10),
            backup: false,
            down: false,
            span: Span::NONE,
        }
    }
}
