//! What an Ethernet frame shows to one who only watches: who claims an address, whose advert passes. And the filters with
//! which the kernel hands over such frames alone.

use std::net::{IpAddr, Ipv4Addr};

use socket2::SockFilter;

use super::ah::AH;
use super::arp::{FRAME, Mac};
use super::ipv4::VRRP;
use super::packet::Packet;

/// Bytes before what a frame carries.
const ETHERNET: usize = 14;
/// So many addresses are looked for one by one; where there are more, all ARP is looked at.
const MOST: usize = 200;
/// As much of a frame as anybody wants to see.
const WHOLE: u32 = 2048;

// Classic BPF, linux/bpf_common.h: load a byte or a word at a place, jump if equal, return.
const LOAD_BYTE: u16 = 0x30;
const LOAD_WORD: u16 = 0x20;
const IF_EQUAL: u16 = 0x15;
const RETURN: u16 = 0x06;

/// Lets ARP of these senders pass.
pub fn claims_of(addresses: &[Ipv4Addr]) -> Vec<SockFilter> {
    let sender = (ETHERNET + 14) as u32;
    let wanted: Vec<u32> = addresses.iter().map(|address| u32::from(*address)).collect();
    if wanted.len() > MOST { vec![SockFilter::new(RETURN, 0, 0, WHOLE)] } else { one_of(LOAD_WORD, sender, &wanted) }
}

/// Lets adverts in IPv4 pass.
pub fn adverts() -> Vec<SockFilter> {
    one_of(LOAD_BYTE, (ETHERNET + 9) as u32, &[VRRP.into(), AH.into()])
}

/// Lets pass what has one of these values at a place.
fn one_of(load: u16, place: u32, values: &[u32]) -> Vec<SockFilter> {
    let mut program = vec![SockFilter::new(load, 0, 0, place)];
    for (at, value) in values.iter().enumerate() {
        // To the last instruction, over the comparisons left and the refusal.
        let left = (values.len() - at) as u8;
        program.push(SockFilter::new(IF_EQUAL, left, 0, *value));
    }
    program.extend([SockFilter::new(RETURN, 0, 0, 0), SockFilter::new(RETURN, 0, 0, WHOLE)]);
    program
}

/// Who says in ARP that an address is his.
pub fn claim(frame: &[u8]) -> Option<(Mac, Ipv4Addr)> {
    let arp = frame.get(ETHERNET..FRAME)?;
    let mac: Mac = arp.get(8..14)?.try_into().ok()?;
    let address: [u8; 4] = arp.get(14..18)?.try_into().ok()?;
    Some((mac, address.into()))
}

/// Who sends an advert of which virtual router.
pub fn advert(frame: &[u8]) -> Option<(IpAddr, u8)> {
    let packet = Packet::of_ipv4(frame.get(ETHERNET..)?).ok()?;
    Some((packet.source, super::accept::vrid(&packet)?))
}

#[cfg(test)]
mod tests {
    use super::super::arp;
    use super::*;

    const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 253);

    #[test]
    fn who_claims_an_address() {
        let mac = [2, 0, 0, 0, 0, 1];
        assert_eq!(claim(&arp::gratuitous(mac, VIP)), Some((mac, VIP)));
        assert_eq!(claim(&arp::probe(mac, VIP)), Some((mac, Ipv4Addr::UNSPECIFIED)));
        assert_eq!(claim(&[0; 30]), None);
    }

    #[test]
    fn whose_advert_passes() {
        let mut frame = vec![0; ETHERNET];
        frame.extend([0x45, 0xc0, 0, 40, 0, 1, 0, 0, 255, 112, 0, 0, 192, 168, 3, 10, 224, 0, 0, 18]);
        frame.extend([0x21, 51, 100, 1, 0, 1, 0, 0, 192, 168, 3, 253, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(advert(&frame), Some(([192, 168, 3, 10].into(), 51)));
        assert_eq!(advert(&frame[..40]), None);
    }

    #[test]
    fn filters_jump_to_their_end() {
        assert_eq!(claims_of(&[VIP; 3]).len(), 6);
        assert_eq!(claims_of(&[VIP; MOST + 1]).len(), 1);
    }
}
