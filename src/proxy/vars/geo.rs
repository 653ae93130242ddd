//! Variables that depend on an address (`geo`) or on a hash (`split_clients`).

use std::net::{IpAddr, Ipv4Addr};

use rkeep_parsers::ir::expr::Expr;
use rkeep_parsers::ir::geo::{Geo, Places, Split};
use rkeep_parsers::table::value::Whom;

use crate::proxy::phases::access::in_network;
use crate::proxy::realip::walk;
use crate::proxy::request::RequestCtx;

/// What stands for an address that is none.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::BROADCAST);

impl RequestCtx {
    /// The value that a `geo` gives to this request.
    pub(super) fn located(&self, geo: &Geo) -> Vec<u8> {
        let own = match &geo.source {
            Some(source) => std::str::from_utf8(&self.eval(source)).ok().and_then(|text| text.parse().ok()),
            None => self.client_ip(),
        };
        let proxies: Vec<_> = geo.proxies.iter().map(|(base, bits)| Whom::Network(*base, *bits)).collect();
        let told = match proxies.is_empty() {
            true => None,
            false => walk(own, self.head.fields.all(b"X-Forwarded-For"), &proxies, geo.recursive).map(|(ip, _)| ip),
        };
        let address = told.or(own).unwrap_or(NOWHERE).to_canonical();
        place(&geo.places, address).unwrap_or(&geo.default).to_vec()
    }

    /// The value of this request's share.
    pub(super) fn share(&self, split: &Split) -> Vec<u8> {
        let hash = murmur2(&self.eval(&split.key));
        part(split, hash).map(|value| self.eval(value)).unwrap_or_default()
    }
}

/// The value of an address, if it has one.
fn place(places: &Places, address: IpAddr) -> Option<&Vec<u8>> {
    match (places, address) {
        (Places::Networks(networks), address) => {
            let around = networks.iter().filter(|(base, bits, _)| in_network(address, *base, *bits));
            around.max_by_key(|(_, bits, _)| *bits).map(|(.., value)| value)
        }
        (Places::Ranges(ranges), IpAddr::V4(address)) => {
            let after = ranges.partition_point(|(start, ..)| *start <= address);
            let (_, end, value) = ranges.get(after.checked_sub(1)?)?;
            (address <= *end).then_some(value)
        }
        (Places::Ranges(ranges), IpAddr::V6(_)) => {
            ranges.last().filter(|(_, end, _)| *end == Ipv4Addr::BROADCAST).map(|(.., value)| value)
        }
    }
}

fn part(split: &Split, hash: u32) -> Option<&Expr> {
    split.parts.iter().find(|(end, _)| end.is_none_or(|end| hash < end)).map(|(_, value)| value)
}

/// MurmurHash2, by which nginx divides.
fn murmur2(bytes: &[u8]) -> u32 {
    const FACTOR: u32 = 0x5bd1_e995;
    let mix = |mut k: u32| {
        k = k.wrapping_mul(FACTOR);
        k ^= k >> 24;
        k.wrapping_mul(FACTOR)
    };
    let (words, tail) = bytes.as_chunks::<4>();
    let mut hash = bytes.len() as u32;
    for word in words {
        hash = hash.wrapping_mul(FACTOR) ^ mix(u32::from_le_bytes(*word));
    }
    if !tail.is_empty() {
        let rest = tail.iter().rev().fold(0, |rest, byte| (rest << 8) | u32::from(*byte));
        hash = (hash ^ rest).wrapping_mul(FACTOR);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(FACTOR);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn the_longest_prefix_counts() {
        let net = |text: &str, bits, value: &[u8]| (ip(text), bits, value.to_vec());
        let places =
            Places::Networks(vec![net("10.0.0.0", 8, b"ten"), net("10.1.0.0", 16, b"one"), net("::", 0, b"six")]);
        let found = |text: &str| place(&places, ip(text)).map(|value| String::from_utf8_lossy(value).into_owned());
        assert_eq!(found("10.1.2.3").as_deref(), Some("one"));
        assert_eq!(found("10.2.2.3").as_deref(), Some("ten"));
        assert_eq!(found("::1").as_deref(), Some("six"));
        assert_eq!(found("11.0.0.0"), None);
    }

    #[test]
    fn ranges_end() {
        let v4 = |last| Ipv4Addr::new(127, 0, 0, last);
        let places = Places::Ranges(vec![(v4(1), v4(3), b"a".to_vec()), (v4(9), v4(9), b"b".to_vec())]);
        let found = |last| place(&places, IpAddr::V4(v4(last))).map(|value| value[0]);
        assert_eq!([0, 1, 3, 4, 9, 10].map(found), [None, Some(b'a'), Some(b'a'), None, Some(b'b'), None]);
        assert_eq!(place(&places, ip("::1")), None);
    }

    #[test]
    fn hashes_are_murmur2() {
        // As MurmurHash2 with seed 0 gives them.
        assert_eq!(murmur2(b""), 0);
        assert_eq!(murmur2(b"a"), 0x9268_5f5e);
        assert_eq!(murmur2(b"abcd"), 0x2687_3021);
        assert_eq!(murmur2(b"abcdef"), 0x4bc8_e979);
    }
}
