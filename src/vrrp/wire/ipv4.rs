//! The IPv4 header around an advertisement: written as keepalived writes it, read as raw sockets deliver it.

use std::fmt;
use std::net::Ipv4Addr;

use super::Checksum;

/// VRRP's protocol number.
pub const VRRP: u8 = 112;
/// Where adverts go unless configured otherwise (RFC 5798, 5.1.1.2).
pub const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);
/// The hop limit of an advert that was not routed.
pub const TTL: u8 = 255;

const HEADER: usize = 20;
const INTERNETWORK_CONTROL: u8 = 0xc0;

/// A received packet, split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Who sent it.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// Its hop limit.
    pub ttl: u8,
    /// What follows the header, cut to the length the header states.
    pub payload: &'a [u8],
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
    /// Splits what a raw socket delivered.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, TooShort> {
        Self::split(bytes).ok_or(TooShort(bytes.len()))
    }

    fn split(bytes: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let payload = bytes.get(usize::from(header[0] & 0x0f) * 4..length.min(bytes.len()))?;
        if payload.len() < super::advert::HEADER {
            return None;
        }
        Some(Packet {
            source: Ipv4Addr::new(header[12], header[13], header[14], header[15]),
            destination: Ipv4Addr::new(header[16], header[17], header[18], header[19]),
            ttl: header[8],
            payload,
        })
    }
}

/// Appends the header of an advert with `payload` bytes behind it. `id` is never zero, or the kernel would choose one.
pub fn write_header(out: &mut Vec<u8>, id: u16, source: Ipv4Addr, destination: Ipv4Addr, payload: usize) {
    let start = out.len();
    let length = u16::try_from(HEADER + payload).unwrap_or(u16::MAX);
    out.extend([0x45, INTERNETWORK_CONTROL]);
    out.extend(length.to_be_bytes());
    out.extend(id.to_be_bytes());
    out.extend([0, 0, TTL, VRRP, 0, 0]);
    out.extend(source.octets());
    out.extend(destination.octets());
    if let Some(header) = out.get_mut(start..) {
        let sum = Checksum::default().with(header).finish().to_be_bytes();
        if let Some(field) = header.get_mut(10..12) {
            field.copy_from_slice(&sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut bytes = Vec::new();
        write_header(&mut bytes, 7, Ipv4Addr::new(192, 168, 3, 10), GROUP, 20);
        assert_eq!(bytes[..9], [0x45, 0xc0, 0, 40, 0, 7, 0, 0, 255]);
        assert_eq!(Checksum::default().with(&bytes).finish(), 0);
        bytes.extend([0x21; 20]);
        bytes.extend([0; 6]);
        let packet = Packet::parse(&bytes).expect("long enough");
        assert_eq!((packet.source, packet.ttl), (Ipv4Addr::new(192, 168, 3, 10), 255));
        assert_eq!(packet.payload, [0x21; 20], "padding is no part of it");
    }

    #[test]
    fn no_length_leads_beyond_the_bytes() {
        let mut bytes = Vec::new();
        write_header(&mut bytes, 7, GROUP, GROUP, 60_000);
        bytes.extend([0; 40]);
        assert_eq!(Packet::parse(&bytes).map(|packet| packet.payload.len()), Ok(40));
        for cut in 0..bytes.len() {
            for options in 0..16 {
                bytes[0] = 0x40 | options;
                let _ = Packet::parse(&bytes[..cut]);
            }
        }
        assert_eq!(Packet::parse(&bytes[..20]), Err(TooShort(20)));
    }
}
