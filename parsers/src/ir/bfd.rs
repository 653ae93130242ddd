//! `bfd_instance`: a session of RFC 5880 with a neighbour.

use std::net::IpAddr;
use std::time::Duration;

use super::track::Weight;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub name: String,
    /// `neighbor_ip`
    pub neighbor: IpAddr,
    /// `source_ip`; the kernel chooses unless said.
    pub source: Option<IpAddr>,
    /// `min_rx`: how often packets may come.
    pub min_rx: Duration,
    /// `min_tx`: how often packets are sent while it is up.
    pub min_tx: Duration,
    /// `idle_tx`: how often otherwise.
    pub idle_tx: Duration,
    /// `multiplier`: so many packets missed are a loss.
    pub multiplier: u8,
    /// `passive`: it speaks only once spoken to.
    pub passive: bool,
    /// `ttl` or `hoplimit` of packets sent.
    pub ttl: u8,
    /// `max_hops` that packets may have come over; none for any number.
    pub max_hops: Option<u8>,
    /// `multihop`: the port of RFC 5883.
    pub multihop: bool,
    /// `weight`
    pub weight: Weight,
}
