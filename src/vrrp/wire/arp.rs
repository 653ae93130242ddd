//! The gratuitous ARP request with which a new master tells hosts and switches where an address lives now.

use std::net::Ipv4Addr;

use pnet_base::MacAddr;
use pnet_packet::arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket};
use pnet_packet::ethernet::{EtherTypes, MutableEthernetPacket};

/// An Ethernet hardware address.
pub type Mac = [u8; 6];

const ETHERNET: usize = 14;
/// Ethernet header and ARP for IPv4.
pub const FRAME: usize = ETHERNET + 28;

/// An ARP request by `mac` for its own `address`, to everybody.
pub fn gratuitous(mac: Mac, address: Ipv4Addr) -> [u8; FRAME] {
    request(mac, address, (MacAddr::broadcast(), address))
}

/// Asks whether anybody else has an address, without a claim to it (RFC 5227, 2.1.1).
pub fn probe(mac: Mac, address: Ipv4Addr) -> [u8; FRAME] {
    request(mac, Ipv4Addr::UNSPECIFIED, (MacAddr::zero(), address))
}

fn request(mac: Mac, own: Ipv4Addr, (at, wanted): (MacAddr, Ipv4Addr)) -> [u8; FRAME] {
    let mut frame = [0; FRAME];
    let sender = MacAddr::from(mac);
    let (ethernet, arp) = frame.split_at_mut(ETHERNET);
    if let Some(mut ethernet) = MutableEthernetPacket::new(ethernet) {
        ethernet.set_destination(MacAddr::broadcast());
        ethernet.set_source(sender);
        ethernet.set_ethertype(EtherTypes::Arp);
    }
    if let Some(mut arp) = MutableArpPacket::new(arp) {
        arp.set_hardware_type(ArpHardwareTypes::Ethernet);
        arp.set_protocol_type(EtherTypes::Ipv4);
        arp.set_hw_addr_len(6);
        arp.set_proto_addr_len(4);
        arp.set_operation(ArpOperations::Request);
        arp.set_sender_hw_addr(sender);
        arp.set_sender_proto_addr(own);
        arp.set_target_hw_addr(at);
        arp.set_target_proto_addr(wanted);
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_keepalived_s_frame() {
        let frame = gratuitous([2, 0, 0, 0, 0, 1], Ipv4Addr::new(192, 168, 3, 253));
        let mut expected = vec![0xff; 6];
        expected.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 192, 168, 3, 253]);
        expected.extend([0xff; 6]);
        expected.extend([192, 168, 3, 253]);
        assert_eq!(frame.to_vec(), expected);
    }
}
