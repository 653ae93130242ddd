//! A VRRP packet as it comes off a link, whatever carried it.

use std::fmt;
use std::net::IpAddr;

use super::ah;
use super::ipv4;

/// A received packet, split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Who sent it.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// Its hop limit.
    pub ttl: u8,
    /// What follows the IP header, cut to the length that states, without an authentication header.
    pub payload: &'a [u8],
    /// Its authentication header, if it has one.
    pub seal: Option<ah::Seal<'a>>,
}

/// A packet too short to hold an IPv4 and a VRRP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooShort(pub usize);

impl fmt::Display for TooShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IPv4 VRRP packet too short - {} bytes", self.0)
    }
}

impl<'a> Packet<'a> {
    /// Splits what an IPv4 raw socket delivered: the IP header comes with it.
    ///
    /// # Errors
    /// Where a header does not fit in.
    pub fn of_ipv4(bytes: &'a [u8]) -> Result<Self, TooShort> {
        Self::split(bytes).ok_or(TooShort(bytes.len()))
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let header = ipv4::Header::parse(bytes)?;
        let (seal, payload) = match header.protocol {
            ah::AH => {
                let (seal, payload) = ah::Seal::parse(header.whole, header.payload)?;
                (Some(seal), payload)
            }
            _ => (None, header.payload),
        };
        if payload.len() < super::advert::HEADER {
            return None;
        }
        let (source, destination) = (header.source.into(), header.destination.into());
        Some(Packet { source, destination, ttl: header.ttl, payload, seal })
    }
}
