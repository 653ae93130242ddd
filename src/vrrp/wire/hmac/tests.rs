use rkeep_parsers::ir::hmac::Key;

use super::*;

const SOURCE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 3, 10));
const CLAIM: Claim = Claim { version: 3, vrid: 51, source: SOURCE };
const NOW: Stamp = Stamp(1_000_000 << 32);

fn hmac(replay: Replay) -> Hmac {
    let key = |id, byte| Key { id, secret: vec![byte; 32].into() };
    Hmac { keys: vec![key(1, 7), key(2, 8)], active: 2, replay, mode: Mode::Enforce }
}

fn later(seconds: i64) -> Stamp {
    Stamp(NOW.0.wrapping_add_signed(seconds << 32))
}

fn signed(hmac: &Hmac, stamp: Stamp) -> Vec<u8> {
    let mut bytes = vec![0x31, 51, 100, 1, 0, 100, 0xaa, 0xbb, 192, 168, 3, 253];
    sign(&mut bytes, 0, hmac, stamp, CLAIM);
    bytes
}

fn checked(hmac: &Hmac, now: Stamp, marks: &Marks, bytes: &[u8]) -> Result<Stamp, Why> {
    check(&Guard { hmac, now, marks }, CLAIM, bytes).map(|proof| proof.stamp)
}

#[test]
fn takes_what_was_signed_and_nothing_else() {
    let hmac = hmac(Replay::Time(5));
    let bytes = signed(&hmac, NOW);
    let marks = Marks::default();
    assert_eq!(bytes.len(), 12 + LENGTH);
    assert_eq!(checked(&hmac, NOW, &marks, &bytes), Ok(NOW));
    for changed in (0..bytes.len()).filter(|at| !(6..8).contains(at)) {
        let mut bytes = bytes.clone();
        bytes[changed] ^= 0x40;
        assert!(checked(&hmac, NOW, &marks, &bytes).is_err(), "byte {changed}");
    }
    let mut bytes = bytes;
    bytes[6] ^= 0x40;
    assert_eq!(checked(&hmac, NOW, &marks, &bytes), Ok(NOW), "the checksum may be written later");
    let other = Claim { vrid: 52, ..CLAIM };
    let guard = Guard { hmac: &hmac, now: NOW, marks: &marks };
    assert_eq!(check(&guard, other, &bytes), Err(Why::WrongCode));
}

#[test]
fn every_key_is_good_for_those_who_still_use_it() {
    let (ours, marks) = (hmac(Replay::Time(5)), Marks::default());
    let old = Hmac { active: 1, ..ours.clone() };
    assert_eq!(checked(&ours, NOW, &marks, &signed(&old, NOW)), Ok(NOW));
    let unknown = Hmac { keys: vec![], active: 3, ..ours.clone() };
    assert_eq!(checked(&ours, NOW, &marks, &signed(&unknown, NOW)), Err(Why::UnknownKey(3)));
    let silent = Hmac { mode: Mode::ReceiveOnly, ..ours.clone() };
    assert_eq!(signed(&silent, NOW).len(), 12);
    assert_eq!(checked(&ours, NOW, &marks, &[]), Err(Why::TrailerMissing));
}

#[test]
fn nothing_counts_twice_or_late() {
    let ours = hmac(Replay::Time(5));
    let mut marks = Marks::default();
    let bytes = signed(&ours, NOW);
    marks.raise(SOURCE, NOW, 0);
    assert_eq!(checked(&ours, NOW, &marks, &bytes), Err(Why::Replayed));
    assert_eq!(checked(&ours, NOW, &marks, &signed(&ours, Stamp(NOW.0 + 1))), Ok(Stamp(NOW.0 + 1)));
    assert_eq!(checked(&ours, later(6), &marks, &bytes), Err(Why::Stale { skew: 6, window: 5 }));
    assert_eq!(checked(&ours, later(-6), &marks, &bytes), Err(Why::Stale { skew: -6, window: 5 }));
    // The sender's clock was set back by an hour, ours as well: the old mark is of no use.
    marks.raise(SOURCE, later(3600), 0);
    assert_eq!(checked(&ours, NOW, &marks, &bytes), Ok(NOW));
    let monotonic = hmac(Replay::Monotonic);
    assert_eq!(checked(&monotonic, NOW, &marks, &bytes), Err(Why::Replayed));
    assert_eq!(checked(&monotonic, later(99), &Marks::default(), &bytes), Ok(NOW));
}

#[test]
fn numbers_grow_whatever_the_clock_does() {
    let (time, monotonic) = (hmac(Replay::Time(5)), hmac(Replay::Monotonic));
    assert_eq!(later(1).after(NOW, &time), later(1));
    assert_eq!(NOW.after(NOW, &time), Stamp(NOW.0 + 1));
    assert_eq!(later(-3).after(NOW, &time), Stamp(NOW.0 + 1));
    assert_eq!(later(-9).after(NOW, &time), later(-9), "nobody would take what is far ahead");
    assert_eq!(later(-9).after(NOW, &monotonic), Stamp(NOW.0 + 1));
    assert!(Stamp(3).is_after(Stamp(u64::MAX)));
}

#[test]
fn few_senders_are_remembered() {
    let mut marks = Marks::default();
    let sender = |last: u8| IpAddr::from([10, 0, 0, last]);
    (0..9).for_each(|last| marks.raise(sender(last), NOW, 0));
    assert_eq!(marks.0.len(), SENDERS);
    (0..9).for_each(|last| marks.raise(sender(last), NOW, 6));
    assert_eq!((marks.0.len(), marks.0[0].0), (6, sender(3)));
}
