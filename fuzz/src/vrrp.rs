//! VRRP's packets.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rkeep::vrrp::wire::accept::{Expected, accept};
use rkeep::vrrp::wire::advert::Advert;
use rkeep::vrrp::wire::ipv4::{self, Outgoing};
use rkeep::vrrp::wire::packet::Packet;
use rkeep_parsers::ir::vrrp::Auth;

const ADDRESSES: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 168, 3, 253)), IpAddr::V4(Ipv4Addr::new(192, 168, 3, 252))];

/// A packet as a raw socket delivers it. One that counts is for us, and comes back the same when it is written again.
pub fn advert(bytes: &[u8]) {
    let Ok(packet) = Packet::of_ipv4(bytes) else { return };
    for (version, auth) in [(2, Auth::Pass(*b"1111\0\0\0\0")), (2, Auth::None), (3, Auth::None)] {
        let interval = Duration::from_secs(1);
        let expected = Expected {
            version,
            vrid: 51,
            interval,
            auth: &auth,
            addresses: &ADDRESSES,
            peers: &[],
            check_hops: false,
            checksum_as_v2: false,
            sequence: 0,
            guard: None,
        };
        match accept(&packet, &expected) {
            Ok(heard) => again(&packet, &expected, heard.priority, heard.interval),
            Err(reject) => drop(reject.to_string()),
        }
    }
}

fn again(packet: &Packet<'_>, expected: &Expected<'_>, priority: u8, interval: Duration) {
    let Expected { version, vrid, auth, addresses, .. } = *expected;
    let advert = Advert { version, vrid, priority, interval, auth, addresses, checksum_as_v2: false, signed: None };
    let IpAddr::V4(source) = packet.source else { return };
    let mut payload = Vec::new();
    advert.write(&mut payload, packet.source, ipv4::GROUP.into());
    let mut bytes = Vec::new();
    let header = Outgoing { id: 1, source, destination: ipv4::GROUP, ttl: ipv4::TTL, protocol: ipv4::VRRP };
    ipv4::write_header(&mut bytes, &header, payload.len());
    bytes.extend(payload);
    let heard = Packet::of_ipv4(&bytes).ok().and_then(|packet| accept(&packet, expected).ok());
    let same = heard.is_some_and(|heard| heard.priority == priority && heard.interval == interval);
    assert!(same, "written again it does not count: {bytes:?}");
}
