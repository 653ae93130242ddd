use std::net::Ipv4Addr;

use super::*;

const GROUP: IpAddr = IpAddr::V4(crate::vrrp::wire::ipv4::GROUP);

const RECORDED: &str = include_str!("../../../../testdata/vrrp/accept-2.4.3.tsv");
const VIPS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(192, 168, 3, 253)), IpAddr::V4(Ipv4Addr::new(192, 168, 3, 252))];
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 3, 10));

fn expected(auth: &Auth, version: u8) -> Expected<'_> {
    Expected {
        version,
        vrid: 51,
        interval: Duration::from_secs(1),
        auth,
        addresses: &VIPS,
        peers: &[],
        check_hops: false,
        checksum_as_v2: false,
        sequence: 0,
        guard: None,
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn said(packet: &Packet<'_>, expected: &Expected<'_>) -> String {
    match accept(packet, expected) {
        Ok(heard) => heard.oddity.map(|oddity| oddity.to_string()).unwrap_or_default(),
        Err(reject) => reject.to_string(),
    }
}

#[test]
fn says_what_keepalived_2_4_3_said() {
    let auth = Auth::Pass(*b"1111\0\0\0\0");
    let records: Vec<_> = RECORDED.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(records.len(), 34);
    for record in records {
        let [source, destination, ttl, advert, line] = record.split('\t').collect::<Vec<_>>()[..] else {
            panic!("five columns: {record}");
        };
        let payload = bytes(advert);
        let packet = Packet {
            source: source.parse().expect("an address"),
            destination: destination.parse().expect("an address"),
            ttl: ttl.parse().expect("a number"),
            payload: &payload,
            seal: None,
        };
        assert_eq!(said(&packet, &expected(&auth, 2)), line, "{record}");
    }
}

#[test]
fn no_bytes_make_it_stumble() {
    let auth = Auth::Pass(*b"1111\0\0\0\0");
    let mut seed = 7u32;
    for round in 0..20_000 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = (seed >> 16) as usize % 64;
        let payload: Vec<u8> = (0..length).map(|at| (seed.rotate_left(at as u32 * 5) >> 3) as u8).collect();
        let packet = Packet { source: PEER, destination: GROUP, ttl: 255, payload: &payload, seal: None };
        let _ = said(&packet, &expected(&auth, 2 + (round % 2) as u8));
    }
}

#[test]
fn version_3_brings_its_interval() {
    let interval = Duration::from_millis(500);
    let advert = advert::Advert {
        version: 3,
        vrid: 51,
        priority: 7,
        interval,
        auth: &Auth::None,
        addresses: &VIPS,
        checksum_as_v2: false,
        signed: None,
    };
    let mut payload = Vec::new();
    advert.write(&mut payload, PEER, GROUP);
    let packet = Packet { source: PEER, destination: GROUP, ttl: 255, payload: &payload, seal: None };
    let heard = accept(&packet, &expected(&Auth::None, 3)).expect("is sound");
    assert_eq!((heard.priority, heard.interval), (7, interval));
    assert_eq!(
        heard.oddity.map(|oddity| oddity.to_string()).as_deref(),
        Some("advertisement interval mismatch ours = 100 centi-sec rcv'd=50 centi-sec")
    );
}

#[test]
fn unicast_takes_known_peers_only() {
    let peers = [Peer::of("192.168.3.10".parse().expect("an address"))];
    let us = IpAddr::V4(Ipv4Addr::new(192, 168, 3, 11));
    let auth = Auth::None;
    let unicast = Expected { peers: &peers, ..expected(&auth, 3) };
    let advert = advert::Advert {
        version: 3,
        vrid: 51,
        priority: 7,
        interval: unicast.interval,
        auth: &auth,
        addresses: &VIPS,
        checksum_as_v2: false,
        signed: None,
    };
    let why = |source, destination| {
        let mut payload = Vec::new();
        advert.write(&mut payload, source, destination);
        accept(&Packet { source, destination, ttl: 64, payload: &payload, seal: None }, &unicast)
            .err()
            .map(|reject| reject.why)
    };
    assert_eq!(why(PEER, us), None);
    assert_eq!(why(us, us), Some(Why::NoPeer));
    assert_eq!(why(PEER, GROUP), Some(Why::Cast { multicast: true }));
}
