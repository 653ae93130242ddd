//! The unsolicited neighbour advertisement with which a new master tells hosts where an IPv6 address lives now.

use std::net::Ipv6Addr;

use super::Checksum;
use super::arp::Mac;

/// Ethernet, IPv6 and the advertisement with its option.
pub const FRAME: usize = 14 + 40 + LENGTH;

const LENGTH: usize = 32;
const ICMPV6: u8 = 58;
const ADVERTISEMENT: u8 = 136;
const OVERRIDE: u8 = 0x20;
const ROUTER: u8 = 0x80;
const TARGET_LINK_ADDRESS: u8 = 2;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC: Mac = [0x33, 0x33, 0, 0, 0, 1];

/// An advertisement of `address` at `mac` to all nodes. `router` is whether this machine forwards.
pub fn unsolicited(mac: Mac, address: Ipv6Addr, router: bool) -> [u8; FRAME] {
    let flags = if router { OVERRIDE | ROUTER } else { OVERRIDE };
    let mut message = Vec::with_capacity(LENGTH);
    message.extend([ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0]);
    message.extend(address.octets());
    message.extend([TARGET_LINK_ADDRESS, 1]);
    message.extend(mac);
    let sum = Checksum::default().with(&address.octets()).with(&ALL_NODES.octets());
    let sum = sum.with(&(LENGTH as u32).to_be_bytes()).with(&[0, 0, 0, ICMPV6]).with(&message).finish();
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    let mut bytes = Vec::with_capacity(FRAME);
    bytes.extend(ALL_NODES_MAC);
    bytes.extend(mac);
    bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, LENGTH as u8, ICMPV6, 255]);
    bytes.extend(address.octets());
    bytes.extend(ALL_NODES.octets());
    bytes.extend(message);
    bytes.try_into().unwrap_or([0; FRAME])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes keepalived 2.4.3 sends for fe80::253 on an interface that does not forward.
    #[test]
    fn is_keepalived_s_frame() {
        let frame = unsolicited([2, 0, 0, 0, 0, 1], "fe80::253".parse().expect("an address"), false);
        assert_eq!(frame[..14], [0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0x86, 0xdd]);
        assert_eq!(frame[54..62], [0x88, 0, 0x52, 0xf7, 0x20, 0, 0, 0]);
        assert_eq!(frame[78..], [2, 1, 2, 0, 0, 0, 0, 1]);
    }
}
