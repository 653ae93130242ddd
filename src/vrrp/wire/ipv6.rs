//! The IPv6 header around an advert.

use std::net::Ipv6Addr;

use super::ipv4::VRRP;

/// Where adverts go unless configured otherwise (RFC 5798, 5.1.2.2).
pub const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12);

const INTERNETWORK_CONTROL: u32 = 0xc0;

/// Appends the header of an advert with `payload` bytes behind it.
pub fn write_header(out: &mut Vec<u8>, source: Ipv6Addr, destination: Ipv6Addr, hops: u8, payload: usize) {
    out.extend((6 << 28 | INTERNETWORK_CONTROL << 20).to_be_bytes());
    out.extend(u16::try_from(payload).unwrap_or(u16::MAX).to_be_bytes());
    out.extend([VRRP, hops]);
    out.extend(source.octets());
    out.extend(destination.octets());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_an_ipv6_header() {
        let mut bytes = Vec::new();
        let source = "fe80::1".parse().expect("an address");
        write_header(&mut bytes, source, GROUP, 255, 40);
        assert_eq!(bytes.len(), 40);
        assert_eq!(bytes[..8], [0x6c, 0, 0, 0, 0, 40, 112, 255]);
        assert_eq!(bytes[38..], [0, 0x12]);
    }
}
