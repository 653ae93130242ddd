//! The IP authentication header around a version 2 advert (RFC 2402 with HMAC-MD5-96, RFC 2403), as keepalived writes it:
//! of the IP header, the type of service and the checksum do not count, nor by unicast the time to live.

use hmac::{Hmac, Mac};
use md5::Md5;

use super::ipv4::VRRP;

/// Its protocol number.
pub const AH: u8 = 51;
/// Its length.
pub const LENGTH: usize = 24;

const IP: usize = 20;
const ICV: usize = 12;

/// What a received header says, and what it is to be checked by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal<'a> {
    /// The sender's address, as a number.
    pub spi: u32,
    /// Grows with every packet.
    pub sequence: u32,
    icv: [u8; ICV],
    whole: &'a [u8],
}

impl<'a> Seal<'a> {
    /// Splits the header off. `whole` is the packet with its IP header.
    pub fn parse(whole: &'a [u8], payload: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, rest) = payload.split_at_checked(LENGTH)?;
        let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
        let icv = header.get(12..)?.try_into().ok()?;
        Some((Seal { spi: number(4)?, sequence: number(8)?, icv, whole }, rest))
    }

    /// Whether it was made with this key.
    pub fn is_sound(&self, key: &[u8; 8]) -> bool {
        let mut bytes = self.whole.to_vec();
        icv(&mut bytes, key) == Some(self.icv)
    }
}

/// Appends a header, not sealed yet.
pub fn write_header(out: &mut Vec<u8>, source: std::net::Ipv4Addr, sequence: u32) {
    out.extend([VRRP, (LENGTH / 4 - 2) as u8, 0, 0]);
    out.extend(source.octets());
    out.extend(sequence.to_be_bytes());
    out.extend([0; ICV]);
}

/// Seals a packet that begins with its IP header.
pub fn seal(packet: &mut [u8], key: &[u8; 8]) {
    let mut bytes = packet.to_vec();
    if let (Some(icv), Some(field)) = (icv(&mut bytes, key), packet.get_mut(IP + 12..IP + LENGTH)) {
        field.copy_from_slice(&icv);
    }
}

/// The value of a packet, in which everything that may change under way, and the value itself, becomes zero.
fn icv(bytes: &mut [u8], key: &[u8; 8]) -> Option<[u8; ICV]> {
    let multicast = bytes.get(16)? >> 4 == 0xe;
    *bytes.get_mut(1)? = 0;
    if !multicast {
        *bytes.get_mut(8)? = 0;
    }
    bytes.get_mut(10..12)?.fill(0);
    bytes.get_mut(IP + 12..IP + LENGTH)?.fill(0);
    let mut mac = Hmac::<Md5>::new_from_slice(key).ok()?;
    mac.update(bytes);
    mac.finalize().into_bytes().get(..ICV)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::super::packet::Packet;

    /// What keepalived 2.4.3 sends for `auth_type AH`, `auth_pass 1111`.
    const SENT: [u8; 64] = [
        0x45, 0xc0, 0, 0x40, 0, 1, 0, 0, 0xff, 0x33, 0x17, 0x0e, 0xc0, 0xa8, 3, 1, 0xe0, 0, 0, 0x12, 0x70, 4, 0, 0,
        0xc0, 0xa8, 3, 1, 0, 0, 0, 1, 0x77, 0x1e, 0xae, 0xb0, 0x60, 0xd3, 0x45, 0x7b, 0xad, 0x19, 0xd5, 0xaa, 0x21,
        0x33, 0x64, 1, 2, 1, 0xb4, 0x24, 0xc0, 0xa8, 3, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    /// The same by unicast, as 2.2.7 and 2.4.3 send it.
    const SENT_TO_ONE: [u8; 64] = [
        0x45, 0xc0, 0, 0x40, 0, 1, 0, 0, 0xff, 0x33, 0x33, 0x64, 0xc0, 0xa8, 3, 10, 0xc0, 0xa8, 3, 11, 0x70, 4, 0, 0,
        0xc0, 0xa8, 3, 10, 0, 0, 0, 1, 0x88, 0x62, 0xa0, 0xfb, 0x99, 0xbb, 0x08, 0x1b, 0x56, 0x09, 0x89, 0xf4, 0x21,
        0x33, 0x96, 1, 2, 1, 0x82, 0x24, 0xc0, 0xa8, 3, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    #[test]
    fn is_keepalived_s() {
        for (sent, spi) in [(SENT, 0xc0a8_0301), (SENT_TO_ONE, 0xc0a8_030a)] {
            let packet = Packet::of_ipv4(&sent).expect("long enough");
            let seal = packet.seal.expect("a header");
            assert_eq!((seal.spi, seal.sequence), (spi, 1));
            assert!(seal.is_sound(b"1111\0\0\0\0"));
            assert!(!seal.is_sound(b"1112\0\0\0\0"));
            assert_eq!(packet.payload.len(), 20);
            let mut ours = sent;
            ours[32..44].fill(0);
            super::seal(&mut ours, b"1111\0\0\0\0");
            assert_eq!(ours, sent);
        }
    }
}
