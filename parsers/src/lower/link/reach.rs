//! Whether the adverts of two boxes reach each other, and are believed there.

use std::net::IpAddr;

use crate::ir::hmac::{Hmac, Mode};
use crate::ir::vrrp::Router;

/// What keeps adverts from coming through: its code, what is wrong, what to do.
pub(super) type Obstacle = (&'static str, String, &'static str);

/// All that keeps the boxes' adverts from counting at the other.
pub(super) fn obstacles(own: &Router, other: &Router) -> Vec<Obstacle> {
    let found = [
        casts(own, other),
        groups(own, other),
        one_source(own, other),
        unlisted(own, other).map(|source| unheard(source, "this box sends", "the peer's")),
        unlisted(other, own).map(|source| unheard(source, "the peer sends", "this box's")),
        checksums(own, other),
        keys(own, other),
    ];
    found.into_iter().flatten().collect()
}

fn casts(own: &Router, other: &Router) -> Option<Obstacle> {
    let differ = own.unicast_peers.is_empty() != other.unicast_peers.is_empty();
    let what = "one box sends to unicast_peer, the other to the multicast group".to_owned();
    differ.then_some(("link::unicast-differs", what, "write unicast_peer on both boxes or on neither"))
}

fn groups(own: &Router, other: &Router) -> Option<Obstacle> {
    let (here, there) = (own.speech.group, other.speech.group);
    if !own.unicast_peers.is_empty() || here == there {
        return None;
    }
    let shown = |group: Option<IpAddr>| group.map_or("the usual group".to_owned(), |group| group.to_string());
    let what = format!("adverts go to {} here and to {} there", shown(here), shown(there));
    Some(("link::group-differs", what, "write the same mcast_dst_ip on both boxes"))
}

fn one_source(own: &Router, other: &Router) -> Option<Obstacle> {
    let source = own.source.filter(|source| other.source == Some(*source))?;
    let what = format!("both send from {source}, so each takes the other's adverts for its own");
    Some(("link::one-source", what, "write each box's own address in unicast_src_ip or mcast_src_ip"))
}

/// The source of a speaker that is not among the peers that the other listens to.
fn unlisted(speaker: &Router, listener: &Router) -> Option<IpAddr> {
    let both = !speaker.unicast_peers.is_empty() && !listener.unicast_peers.is_empty();
    let source = speaker.source.filter(|_| both)?;
    listener.unicast_peers.iter().all(|peer| peer.address != source).then_some(source)
}

fn unheard(source: IpAddr, who: &str, whose: &str) -> Obstacle {
    let what = format!("{who} from {source}, which is not in {whose} unicast_peer");
    ("link::not-a-peer", what, "write each box's unicast_src_ip into the other's unicast_peer")
}

fn checksums(own: &Router, other: &Router) -> Option<Obstacle> {
    let differ = (own.version, other.version) == (3, 3) && own.speech.checksum_as_v2 != other.speech.checksum_as_v2;
    let what = "v3_checksum_as_v2 is set on one box only, each drops the other's adverts".to_owned();
    differ.then_some(("link::checksum-differs", what, "write v3_checksum_as_v2 on both boxes or on neither"))
}

fn keys(own: &Router, other: &Router) -> Option<Obstacle> {
    let one_way = |from: &Router, to: &Router| match (&from.speech.hmac, &to.speech.hmac) {
        (_, None) => None,
        (None, Some(to)) => {
            (to.mode == Mode::Enforce).then(|| "one box signs nothing, the other enforces auth_hmac".into())
        }
        (Some(from), Some(to)) => signed(from, to),
    };
    let what: String = one_way(own, other).or_else(|| one_way(other, own))?;
    Some(("link::hmac-differs", what, "write the same keys on both boxes, and enforce it last"))
}

fn signed(from: &Hmac, to: &Hmac) -> Option<String> {
    if from.mode == Mode::ReceiveOnly {
        let what = "one box only receives auth_hmac, the other enforces it";
        return (to.mode == Mode::Enforce).then(|| what.to_owned());
    }
    match (from.key(from.active), to.key(from.active)) {
        (_, None) => Some(format!("one box signs with key {}, which the other has not", from.active)),
        (ours, theirs) if ours != theirs => {
            Some(format!("key {} of auth_hmac is not the same on both boxes", from.active))
        }
        _ => None,
    }
}
