//! `auth_hmac`: keepalived's trailer behind an advert of either version, with a code (HMAC-SHA256, cut to 128 bits) and a
//! number that grows with time, so that nobody can make an advert up or say one again.
//!
//! The code covers family, version, virtual router and source, then the advert with zero for its checksum, then the
//! trailer with zero for the code itself. Pure: the clock is an argument.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac as Mac256, Mac};
use rkeep_parsers::ir::hmac::{Hmac, Mode, Replay};
use sha2::Sha256;

use super::accept::Why;

/// The trailer's length.
pub const LENGTH: usize = 28;

/// Its only kind.
const SHA256: u8 = 1;
/// Bytes before the code.
const PREFIX: usize = 12;
const CODE: usize = LENGTH - PREFIX;
/// Where an advert has its checksum.
const CHECKSUM: usize = 6;
/// How many senders are remembered where peers are not named.
const SENDERS: usize = 4;

/// A moment as the trailer carries it: seconds, a 16-bit fraction, and a number that tells those of one moment apart.
/// It grows; what is newer is told by the distance, so that it may wrap around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp(pub u64);

impl Stamp {
    /// A moment of the clock.
    pub fn at(now: SystemTime) -> Stamp {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let fraction = (u64::from(since.subsec_nanos()) << 16) / 1_000_000_000;
        Stamp(u64::from(since.as_secs() as u32) << 32 | fraction << 16)
    }

    /// What comes after `last`: this moment, or one more than `last` where the clock has not gone on. With a window, a
    /// number that a corrected clock has left too far ahead is given up, since nobody would take it.
    pub fn after(self, last: Stamp, hmac: &Hmac) -> Stamp {
        let stranded = matches!(hmac.replay, Replay::Time(window) if last.seconds_after(self) > i64::from(window));
        if self.is_after(last) || stranded { self } else { Stamp(last.0.wrapping_add(1)) }
    }

    fn is_after(self, other: Stamp) -> bool {
        (self.0.wrapping_sub(other.0) as i64) > 0
    }

    /// How many whole seconds it is later than another.
    fn seconds_after(self, other: Stamp) -> i64 {
        i64::from(((self.0 >> 32) as u32).wrapping_sub((other.0 >> 32) as u32) as i32)
    }
}

/// What is remembered of those whose adverts were genuine: their newest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Vec<(IpAddr, Stamp)>);

impl Marks {
    /// Remembers a sender's newest; the one not heard for longest is forgotten, unless there may be so many `peers`.
    pub fn raise(&mut self, source: IpAddr, stamp: Stamp, peers: usize) {
        self.0.retain(|(known, _)| *known != source);
        self.0.push((source, stamp));
        if self.0.len() > peers.max(SENDERS) {
            self.0.remove(0);
        }
    }

    /// The newest of a sender. One out of the window only says again what the window says, and would shut out a sender
    /// whose clock was set back.
    fn of(&self, source: IpAddr, now: Stamp, hmac: &Hmac) -> Option<Stamp> {
        let (_, mark) = self.0.iter().find(|(known, _)| *known == source)?;
        Some(*mark).filter(|mark| !is_out_of_window(now.seconds_after(*mark), hmac.replay))
    }
}

/// What adverts are proved by.
#[derive(Clone, Copy, Debug)]
pub struct Guard<'a> {
    /// Keys, window and mode.
    pub hmac: &'a Hmac,
    /// The time.
    pub now: Stamp,
    /// Senders' newest.
    pub marks: &'a Marks,
}

/// What the code covers besides the advert.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// 2 or 3.
    pub version: u8,
    /// The virtual router.
    pub vrid: u8,
    /// Who sends it.
    pub source: IpAddr,
}

/// A genuine advert's number, and how far its sender's clock is from ours where that is worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Its number.
    pub stamp: Stamp,
    /// Seconds that our clock is ahead by.
    pub skew: Option<i64>,
}

/// Appends the trailer of the advert that begins at `start`, if adverts are sent with one.
pub fn sign(out: &mut Vec<u8>, start: usize, hmac: &Hmac, stamp: Stamp, claim: Claim) {
    if hmac.mode == Mode::ReceiveOnly {
        return;
    }
    out.extend([SHA256, hmac.active, 0, 0]);
    out.extend(stamp.0.to_be_bytes());
    let code = hmac.key(hmac.active).zip(out.get(start..)).and_then(|(key, bytes)| code(key, claim, bytes));
    out.extend(code.unwrap_or_default());
}

/// The length of the trailer that is sent.
pub fn length(hmac: Option<&Hmac>) -> usize {
    if hmac.is_some_and(|hmac| hmac.mode != Mode::ReceiveOnly) { LENGTH } else { 0 }
}

/// Checks the trailer of an advert: `whole` is both.
///
/// # Errors
/// Why it does not count.
pub fn check(guard: &Guard<'_>, claim: Claim, whole: &[u8]) -> Result<Proof, Why> {
    let (signed, received) = whole.split_last_chunk::<CODE>().ok_or(Why::TrailerMissing)?;
    let prefix = signed.last_chunk::<PREFIX>().ok_or(Why::TrailerMissing)?;
    let [kind, id, reserved @ ..] = *prefix;
    if kind != SHA256 || reserved.first_chunk() != Some(&[0, 0]) {
        return Err(Why::TrailerMalformed);
    }
    let stamp = Stamp(prefix.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes)));
    let skew = guard.now.seconds_after(stamp);
    // Cheaper than the code, and so first: it only ever refuses.
    if let Replay::Time(window) = guard.hmac.replay
        && is_out_of_window(skew, guard.hmac.replay)
    {
        return Err(Why::Stale { skew, window });
    }
    let key = guard.hmac.key(id).ok_or(Why::UnknownKey(id))?;
    let mut mac = mac(key, claim, signed).ok_or(Why::WrongCode)?;
    mac.update(&[0; CODE]);
    mac.verify_truncated_left(received).map_err(|_| Why::WrongCode)?;
    if guard.marks.of(claim.source, guard.now, guard.hmac).is_some_and(|mark| !stamp.is_after(mark)) {
        return Err(Why::Replayed);
    }
    let worth = matches!(guard.hmac.replay, Replay::Time(window) if skew.abs() > i64::from(window / 2));
    Ok(Proof { stamp, skew: worth.then_some(skew) })
}

fn is_out_of_window(skew: i64, replay: Replay) -> bool {
    matches!(replay, Replay::Time(window) if skew.abs() > i64::from(window))
}

fn code(key: &[u8], claim: Claim, signed: &[u8]) -> Option<[u8; CODE]> {
    let mut mac = mac(key, claim, signed)?;
    mac.update(&[0; CODE]);
    mac.finalize().into_bytes().first_chunk().copied()
}

fn mac(key: &[u8], claim: Claim, signed: &[u8]) -> Option<Mac256<Sha256>> {
    let mut mac = Mac256::<Sha256>::new_from_slice(key).ok()?;
    let mut address = [0; 16];
    let family = match claim.source {
        IpAddr::V4(source) => {
            address.first_chunk_mut::<4>()?.copy_from_slice(&source.octets());
            4
        }
        IpAddr::V6(source) => {
            address = source.octets();
            6
        }
    };
    mac.update(&[family, claim.version, claim.vrid, 0]);
    mac.update(&address);
    mac.update(signed.get(..CHECKSUM)?);
    mac.update(&[0; 2]);
    mac.update(signed.get(CHECKSUM + 2..)?);
    Some(mac)
}

#[cfg(test)]
mod tests;
