//! The IPv4 header around an advertisement: written as keepalived writes it, read as raw sockets deliver it.

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

/// A received packet's header, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Who sent it.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// Its hop limit.
    pub ttl: u8,
    /// What follows.
    pub protocol: u8,
    /// What follows the header, cut to the length the header states.
    pub payload: &'a [u8],
    /// All of it, cut likewise.
    pub whole: &'a [u8],
}

impl<'a> Header<'a> {
    /// Splits what a raw socket delivered.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let whole = bytes.get(..length.min(bytes.len()))?;
        let payload = whole.get(usize::from(header[0] & 0x0f) * 4..)?;
        Some(Header {
            source: Ipv4Addr::new(header[12], header[13], header[14], header[15]),
            destination: Ipv4Addr::new(header[16], header[17], header[18], header[19]),
            ttl: header[8],
            protocol: header[9],
            payload,
            whole,
        })
    }
}

/// What a header to write says.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    /// Never zero, or the kernel would choose one.
    pub id: u16,
    /// From whom.
    pub source: Ipv4Addr,
    /// To whom.
    pub destination: Ipv4Addr,
    /// The hop limit.
    pub ttl: u8,
    /// What follows.
    pub protocol: u8,
}

/// Appends a header with `payload` bytes behind it.
pub fn write_header(out: &mut Vec<u8>, header: &Outgoing, payload: usize) {
    let start = out.len();
    let length = u16::try_from(HEADER + payload).unwrap_or(u16::MAX);
    out.extend([0x45, INTERNETWORK_CONTROL]);
    out.extend(length.to_be_bytes());
    out.extend(header.id.to_be_bytes());
    out.extend([0, 0, header.ttl, header.protocol, 0, 0]);
    out.extend(header.source.octets());
    out.extend(header.destination.octets());
    if let Some(header) = out.get_mut(start..) {
        let sum = Checksum::default().with(header).finish().to_be_bytes();
        if let Some(field) = header.get_mut(10..12) {
            field.copy_from_slice(&sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::packet::{Packet, TooShort};
    use super::*;

    const OURS: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 10);

    fn header(bytes: &mut Vec<u8>, payload: usize) {
        let header = Outgoing { id: 7, source: OURS, destination: GROUP, ttl: TTL, protocol: VRRP };
        write_header(bytes, &header, payload);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut bytes = Vec::new();
        header(&mut bytes, 20);
        assert_eq!(bytes[..9], [0x45, 0xc0, 0, 40, 0, 7, 0, 0, 255]);
        assert_eq!(Checksum::default().with(&bytes).finish(), 0);
        bytes.extend([0x21; 20]);
        bytes.extend([0; 6]);
        let packet = Packet::of_ipv4(&bytes).expect("long enough");
        assert_eq!((packet.source, packet.ttl), (OURS.into(), 255));
        assert_eq!(packet.payload, [0x21; 20], "padding is no part of it");
    }

    #[test]
    fn no_length_leads_beyond_the_bytes() {
        let mut bytes = Vec::new();
        header(&mut bytes, 60_000);
        bytes.extend([0; 40]);
        assert_eq!(Packet::of_ipv4(&bytes).map(|packet| packet.payload.len()), Ok(40));
        for cut in 0..bytes.len() {
            for options in 0..16 {
                bytes[0] = 0x40 | options;
                let _ = Packet::of_ipv4(&bytes[..cut]);
            }
        }
        assert_eq!(Packet::of_ipv4(&bytes[..20]), Err(TooShort(20)));
    }
}
