//! Which adverts count: the checks in keepalived's order, each failure with keepalived 2.4's words.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use rkeep_parsers::ir::hmac::{Mode, Replay};
use rkeep_parsers::ir::vrrp::{Auth, Peer};

use super::advert::{self, ADVERTISEMENT, HEADER, PASSWORD, Sum};
use super::hmac::{self, Claim, Guard, Proof};
use super::ipv4::TTL;
use super::packet::Packet;

/// What a virtual router expects of its peers' adverts.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// 2 or 3.
    pub version: u8,
    /// Its number.
    pub vrid: u8,
    /// Its own interval.
    pub interval: Duration,
    /// Version 2 only.
    pub auth: &'a Auth,
    /// Its addresses.
    pub addresses: &'a [IpAddr],
    /// Its peers where it does not multicast.
    pub peers: &'a [Peer],
    /// `check_unicast_src`: whether their hop limits count.
    pub check_hops: bool,
    /// Version 3's checksum leaves the IP addresses out.
    pub checksum_as_v2: bool,
    /// `auth_type AH`: the number of the last packet.
    pub sequence: u32,
    /// `auth_hmac`
    pub guard: Option<Guard<'a>>,
}

/// An advert that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who sent it.
    pub source: IpAddr,
    /// 0 when he leaves.
    pub priority: u8,
    /// His interval.
    pub interval: Duration,
    /// `auth_type AH` or `auth_hmac`: its number.
    pub sequence: Option<u64>,
    /// What is odd about it though it counts.
    pub oddity: Option<Oddity>,
}

/// What keepalived 2.4 mentions but lets pass. (2.2.7 dropped such adverts, and both routers became master.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// Not as many addresses as ours.
    Count {
        /// Ours.
        expected: usize,
        /// His.
        received: usize,
    },
    /// One of ours is not his.
    Address {
        /// The virtual router.
        vrid: u8,
        /// Who.
        source: IpAddr,
        /// Which.
        missing: IpAddr,
    },
    /// `auth_hmac`: his clock is off, though not by too much yet.
    ClockSkew {
        /// Who.
        source: IpAddr,
        /// Seconds that ours is ahead by.
        skew: i64,
        /// How many may be.
        window: u32,
    },
    /// Version 3: he advertises at another pace; a backup follows it.
    Interval {
        /// Ours in centiseconds.
        ours: u16,
        /// His in centiseconds.
        received: u16,
    },
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Oddity::Count { expected, received } => write!(f, "expected {expected} VIPs but received {received}"),
            Oddity::Address { vrid, source, missing } => {
                write!(f, "ip address associated with VRID {vrid} not present in advert from {source}: {missing}")
            }
            Oddity::ClockSkew { source, skew, window } => {
                write!(f, "authentication clock skew {skew} sec from {source} approaching window {window} sec")
            }
            Oddity::Interval { ours, received } => {
                write!(f, "advertisement interval mismatch ours = {ours} centi-sec rcv'd={received} centi-sec")
            }
        }
    }
}

/// Why an advert does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Who sent it.
    pub source: IpAddr,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Not as long as its version and address count say.
    Length {
        /// How long it is.
        length: usize,
        /// How long it should be.
        expected: usize,
    },
    /// It came through a router.
    Ttl(u8),
    /// Another version than ours.
    Version {
        /// His.
        received: u8,
        /// Ours.
        expected: u8,
    },
    /// No known authentication type.
    AuthType(u8),
    /// Another authentication type than ours.
    AuthMismatch {
        /// His.
        received: u8,
        /// Ours.
        expected: u8,
    },
    /// Another password.
    Password,
    /// An authentication header, which we do not use.
    Sealed,
    /// No authentication header.
    Unsealed,
    /// The authentication header is not of its sender.
    Spi {
        /// What it says.
        received: u32,
        /// What it should say.
        expected: u32,
    },
    /// It has been heard before.
    Sequence {
        /// Its number.
        received: u32,
        /// The last packet's.
        known: u32,
    },
    /// Another password, or it was changed under way.
    Seal,
    /// Version 2: another interval than ours.
    Interval {
        /// His, in seconds.
        received: u8,
        /// Ours, in seconds.
        expected: u64,
    },
    /// No advertisement.
    Type(u8),
    /// The checksum does not hold.
    Checksum(u8),
    /// Multicast where we speak unicast or the other way round.
    Cast {
        /// Whether it was multicast.
        multicast: bool,
    },
    /// From nobody we know.
    NoPeer,
    /// `auth_hmac`: there is no trailer.
    TrailerMissing,
    /// It is none we know.
    TrailerMalformed,
    /// It was made with a key we have not.
    UnknownKey(u8),
    /// The code is not what the key makes of the advert.
    WrongCode,
    /// It was made too long ago, or will be.
    Stale {
        /// Seconds that our clock is ahead by.
        skew: i64,
        /// How many may be.
        window: u32,
    },
    /// It has been said before.
    Replayed,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.source;
        match self.why {
            Why::Length { length, expected } => {
                let how = if length < expected { "short" } else { "long" };
                // keepalived counts the IP header of twenty bytes in.
                let (length, expected) = (length + 20, expected + 20);
                write!(f, "vrrp packet from {from} too {how}, length {length} and expect {expected}")
            }
            Why::Ttl(ttl) => write!(f, "invalid TTL/HL from {from}. Received {ttl} and expect {TTL}"),
            Why::Version { received, expected } => {
                write!(f, "wrong VRRP version from {from}. Received {received} and expect {expected}")
            }
            Why::AuthType(auth) => write!(f, "Invalid auth type from {from}: {auth}"),
            Why::AuthMismatch { received, expected } => {
                write!(f, "received a {received} auth from {from}, expecting {expected}!")
            }
            Why::Sealed => write!(f, "Received AH header from {from} but auth type not AH"),
            Why::Unsealed => write!(f, "No AH header from {from} but auth type is AH"),
            Why::Spi { received, expected } => {
                write!(f, "IPSEC AH : invalid IPSEC SPI value from {from}. {received} and expect {expected}")
            }
            Why::Sequence { received, known } => write!(
                f,
                "IPSEC-AH : sequence number {received} from {from} already processed. Packet dropped. Local({known})"
            ),
            Why::Seal => write!(
                f,
                "IPSEC-AH : invalid IPSEC HMAC-MD5 value from {from}. Due to fields mutation or bad password !"
            ),
            Why::Password => write!(f, "received an invalid passwd from {from}!"),
            Why::Interval { received, expected } => {
                write!(f, "advertisement interval mismatch with {from} mine={expected} sec rcv'd={received} sec")
            }
            Why::Type(kind) => write!(f, "Invalid packet type from {from}. {kind} and expect {ADVERTISEMENT}"),
            Why::Checksum(version) => write!(f, "Invalid VRRPv{version} checksum from {from}"),
            Why::Cast { multicast } => {
                let (received, expected) = if multicast { ("mult", "un") } else { ("un", "mult") };
                write!(f, "Expected {expected}icast packet but received {received}icast packet from {from}")
            }
            Why::TrailerMissing => write!(f, "missing authentication trailer from {from}"),
            Why::TrailerMalformed => write!(f, "malformed authentication trailer from {from}"),
            Why::UnknownKey(id) => write!(f, "unknown authentication key id {id} from {from}"),
            Why::WrongCode => write!(f, "invalid authentication HMAC from {from}"),
            Why::Stale { skew, window } => {
                write!(f, "stale authentication trailer from {from}, clock skew {skew} sec exceeds window {window} sec")
            }
            Why::Replayed => write!(f, "replayed authentication trailer from {from}"),
            Why::NoPeer => write!(f, "unicast source address {from} not a unicast peer"),
        }
    }
}

/// The virtual router an advert speaks of.
pub fn vrid(packet: &Packet<'_>) -> Option<u8> {
    packet.payload.get(1).copied()
}

/// The addresses that a packet names, whether or not it counts.
pub fn listed(packet: &Packet<'_>) -> Vec<IpAddr> {
    let count = packet.payload.get(3).map_or(0, |count| usize::from(*count));
    let listed = packet.payload.get(HEADER..).unwrap_or_default();
    let read = |bytes: &[u8]| match packet.source {
        IpAddr::V4(_) => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        IpAddr::V6(_) => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
    };
    listed.chunks_exact(advert::width(packet.source.is_ipv6())).take(count).filter_map(read).collect()
}

/// Checks an advert against what the virtual router with its number expects.
pub fn accept(packet: &Packet<'_>, expected: &Expected<'_>) -> Result<Heard, Reject> {
    check(packet, expected).map_err(|why| Reject { source: packet.source, why })
}

fn check(packet: &Packet<'_>, expected: &Expected<'_>) -> Result<Heard, Why> {
    let whole = packet.payload;
    let wants_seal = matches!(expected.auth, Auth::Ah(_));
    if wants_seal != packet.seal.is_some() {
        return Err(if wants_seal { Why::Unsealed } else { Why::Sealed });
    }
    let too_short = Why::Length { length: whole.len(), expected: HEADER };
    let &[version_type, _, priority, count, fifth, sixth, _, _] = whole.first_chunk::<HEADER>().ok_or(too_short)?;
    let version = version_type >> 4;
    let bare = advert::length(version, usize::from(count), packet.source.is_ipv6());
    let signed = expected.guard.is_some() && whole.len() == bare + hmac::LENGTH;
    let payload = if signed { whole.get(..bare).unwrap_or_default() } else { whole };
    length(payload, version, count, packet.source.is_ipv6())?;
    if !may_have_come(packet, expected) {
        return Err(Why::Ttl(packet.ttl));
    }
    if version != expected.version {
        return Err(Why::Version { received: version, expected: expected.version });
    }
    let proof = proven(packet, expected, (version, signed))?;
    let interval = match version {
        2 => {
            authentic(payload, fifth, expected.auth, packet.source.is_ipv6())?;
            sealed(packet, expected)?;
            seconds(sixth, expected.interval)?
        }
        _ => Duration::from_millis(10 * u64::from(u16::from_be_bytes([fifth & 0x0f, sixth]))),
    };
    if version_type & 0x0f != ADVERTISEMENT {
        return Err(Why::Type(version_type & 0x0f));
    }
    let sum = Sum::of(version, expected.checksum_as_v2, packet.source);
    // IPv6's checksum is that of the whole payload, IPv4's that of the advert.
    let summed = if packet.source.is_ipv6() { whole } else { payload };
    if advert::checksum(sum, packet.source, packet.destination, summed) != 0 {
        return Err(Why::Checksum(version));
    }
    cast(packet, expected.peers)?;
    let oddity = oddity(packet, usize::from(count), interval, expected).or_else(|| clock(packet, proof, expected));
    let sequence = packet.seal.map(|seal| seal.sequence.into()).or(proof.map(|proof| proof.stamp.0));
    Ok(Heard { source: packet.source, priority, interval, sequence, oddity })
}

/// `auth_hmac`: whether an advert is genuine and new. Nothing of it counts before.
fn proven(packet: &Packet<'_>, expected: &Expected<'_>, (version, signed): (u8, bool)) -> Result<Option<Proof>, Why> {
    match &expected.guard {
        None => Ok(None),
        Some(guard) if !signed && guard.hmac.mode != Mode::Enforce => Ok(None),
        Some(_) if !signed => Err(Why::TrailerMissing),
        Some(_) if !expected.peers.is_empty() && !is_peer(packet, expected.peers) => Err(Why::NoPeer),
        Some(guard) => {
            let claim = Claim { version, vrid: expected.vrid, source: packet.source };
            hmac::check(guard, claim, packet.payload).map(Some)
        }
    }
}

fn clock(packet: &Packet<'_>, proof: Option<Proof>, expected: &Expected<'_>) -> Option<Oddity> {
    let (skew, guard) = (proof?.skew?, expected.guard?);
    let Replay::Time(window) = guard.hmac.replay else { return None };
    Some(Oddity::ClockSkew { source: packet.source, skew, window })
}

/// Whether an advert has the hop limit it must have: it was not routed, or by no more routers than its peer may be away.
fn may_have_come(packet: &Packet<'_>, expected: &Expected<'_>) -> bool {
    if expected.peers.is_empty() {
        return packet.ttl == TTL;
    }
    let peer = expected.peers.iter().find(|peer| peer.address == packet.source);
    !expected.check_hops || peer.is_none_or(|peer| (peer.min_ttl..=peer.max_ttl).contains(&packet.ttl))
}

fn length(payload: &[u8], version: u8, count: u8, ipv6: bool) -> Result<(), Why> {
    let expected = advert::length(version, usize::from(count), ipv6);
    if payload.len() == expected { Ok(()) } else { Err(Why::Length { length: payload.len(), expected }) }
}

/// IPv6 has no room for a password: only that there shall be one is compared.
fn authentic(payload: &[u8], received: u8, auth: &Auth, ipv6: bool) -> Result<(), Why> {
    let expected = advert::auth_type(auth);
    if received > 2 {
        return Err(Why::AuthType(received));
    }
    if received != expected {
        return Err(Why::AuthMismatch { received, expected });
    }
    let is_known = ipv6 || payload.last_chunk::<PASSWORD>() == Some(&advert::password(auth));
    if received == 1 && !is_known { Err(Why::Password) } else { Ok(()) }
}

/// Whether an authentication header is its sender's and newer than the last.
fn sealed(packet: &Packet<'_>, expected: &Expected<'_>) -> Result<(), Why> {
    let (Auth::Ah(key), Some(seal), IpAddr::V4(source)) = (expected.auth, packet.seal, packet.source) else {
        return Ok(());
    };
    let (received, known) = (seal.sequence, expected.sequence);
    if seal.spi != u32::from(source) {
        return Err(Why::Spi { received: seal.spi, expected: source.into() });
    }
    if received <= known {
        return Err(Why::Sequence { received, known });
    }
    if seal.is_sound(key) { Ok(()) } else { Err(Why::Seal) }
}

fn seconds(received: u8, interval: Duration) -> Result<Duration, Why> {
    let expected = interval.as_secs();
    if u64::from(received) == expected { Ok(interval) } else { Err(Why::Interval { received, expected }) }
}

fn cast(packet: &Packet<'_>, peers: &[Peer]) -> Result<(), Why> {
    let multicast = packet.destination.is_multicast();
    if multicast != peers.is_empty() {
        return Err(Why::Cast { multicast });
    }
    let known = multicast || is_peer(packet, peers);
    if known { Ok(()) } else { Err(Why::NoPeer) }
}

fn is_peer(packet: &Packet<'_>, peers: &[Peer]) -> bool {
    peers.iter().any(|peer| peer.address == packet.source)
}

fn oddity(packet: &Packet<'_>, received: usize, interval: Duration, expected: &Expected<'_>) -> Option<Oddity> {
    let (ours, his) = (advert::centiseconds(expected.interval), advert::centiseconds(interval));
    if received != expected.addresses.len() {
        return Some(Oddity::Count { expected: expected.addresses.len(), received });
    }
    let width = advert::width(packet.source.is_ipv6());
    let listed = packet.payload.get(HEADER..HEADER + width * received).unwrap_or_default();
    let is_missing = |address: &&IpAddr| !listed.chunks_exact(width).any(|entry| is(entry, address));
    if let Some(&missing) = expected.addresses.iter().find(is_missing) {
        return Some(Oddity::Address { vrid: expected.vrid, source: packet.source, missing });
    }
    (ours != his).then_some(Oddity::Interval { ours, received: his })
}

/// Whether bytes are an address.
fn is(bytes: &[u8], address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => bytes == address.octets(),
        IpAddr::V6(address) => bytes == address.octets(),
    }
}

#[cfg(test)]
mod tests;
