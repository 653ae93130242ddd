//! Two masters at once: why, as far as this box can know, when to say so, and when it has ended. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::wire::accept::Reject;
use super::wire::arp::Mac;

/// While it lasts, it is said again so often.
const AGAIN: Duration = Duration::from_secs(60);
/// What is news is said so often at most.
const NEWS: Duration = Duration::from_secs(10);
/// Rejected adverts are looked at closely so often at most: they may be a flood.
const CLOSELY: Duration = Duration::from_secs(1);
/// So many adverts of a lower master show that it does not listen.
const STUBBORN: u32 = 3;

/// Why there are two masters, or may be; the first explain most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Somebody's adverts come and do not count.
    Rejected {
        /// Why.
        reject: Reject,
        /// How his addresses differ from ours.
        lists: Option<Lists>,
    },
    /// The virtual router's number is used for other addresses.
    Stranger {
        /// By whom.
        source: IpAddr,
        /// The number.
        vrid: u8,
        /// For which.
        lists: Lists,
    },
    /// This machine's packet filter lets no advert out.
    Muted,
    /// Adverts come by an interface and do not get through this machine's packet filter.
    Deaf {
        /// Whose.
        source: IpAddr,
    },
    /// A lower master hears our adverts and insists, or does not hear them.
    Stubborn {
        /// Who.
        source: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// Somebody answers for an address of ours, and no advert of his is heard.
    Claimed {
        /// Where.
        mac: Mac,
        /// For which.
        address: Ipv4Addr,
    },
}

/// How two lists of addresses differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lists {
    /// What only the other has.
    there: Vec<IpAddr>,
    /// What only we have.
    here: Vec<IpAddr>,
    /// Whether nothing is in both.
    strange: bool,
}

impl Lists {
    /// How they differ, if they do.
    pub fn compare(ours: &[IpAddr], theirs: &[IpAddr]) -> Option<Lists> {
        let without = |some: &[IpAddr], others: &[IpAddr]| -> Vec<IpAddr> {
            some.iter().filter(|address| !others.contains(address)).copied().collect()
        };
        let (there, here) = (without(theirs, ours), without(ours, theirs));
        let strange = here.len() == ours.len() && !theirs.is_empty();
        (!there.is_empty() || !here.is_empty()).then_some(Lists { there, here, strange })
    }

    /// Whether it is another virtual router altogether.
    pub fn is_strange(&self) -> bool {
        self.strange
    }
}

impl fmt::Display for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |list: &[IpAddr]| list.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
        match (self.there.is_empty(), self.here.is_empty()) {
            (false, false) => write!(f, "only there {}, only here {}", shown(&self.there), shown(&self.here)),
            (false, true) => write!(f, "only there {}", shown(&self.there)),
            (true, _) => write!(f, "only here {}", shown(&self.here)),
        }
    }
}

impl Trouble {
    /// How much it explains, 0 most.
    fn rank(&self) -> u8 {
        match self {
            Trouble::Rejected { .. } => 0,
            Trouble::Stranger { .. } => 1,
            Trouble::Muted => 2,
            Trouble::Deaf { .. } => 3,
            Trouble::Stubborn { .. } => 4,
            Trouble::Claimed { .. } => 5,
        }
    }

    /// Who causes it, as far as that is known.
    fn source(&self) -> Option<IpAddr> {
        match self {
            Trouble::Rejected { reject, .. } => Some(reject.source),
            Trouble::Stranger { source, .. } | Trouble::Deaf { source } => Some(*source),
            Trouble::Stubborn { source, .. } => Some(*source),
            Trouble::Claimed { address, .. } => Some((*address).into()),
            Trouble::Muted => None,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Rejected { reject, lists } => {
                write!(f, "{} is master too, and its adverts do not count: {reject}", reject.source)?;
                match lists {
                    Some(lists) if lists.strange => write!(f, "; it is a stranger's, of other addresses: {lists}"),
                    Some(lists) => write!(f, "; its addresses differ: {lists}"),
                    None => Ok(()),
                }
            }
            Trouble::Stranger { source, vrid, lists } => {
                write!(f, "virtual_router_id {vrid} is used by a stranger, {source}, for other addresses: {lists}")
            }
            Trouble::Muted => {
                write!(f, "no advert leaves this box: its packet filter drops IP protocol 112; let it out")
            }
            Trouble::Deaf { source } => {
                write!(
                    f,
                    "{source} is master too: its adverts come, and this box's packet filter drops IP protocol 112"
                )
            }
            Trouble::Stubborn { source, priority } => write!(
                f,
                "{source} is master too, with priority {priority}, and does not yield: this box's adverts do not reach it, or \
                 do not count there"
            ),
            Trouble::Claimed { mac: [a, b, c, d, e, g], address } => write!(
                f,
                "a foreign MAC {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x} answers for {address}, and no advert comes from \
                 there: multicast or IP protocol 112 is dropped on the way, or the address is set by hand"
            ),
        }
    }
}

/// What is known of an instance's trouble.
#[derive(Debug, Default)]
pub struct Conflict {
    now: Option<Current>,
    lower: Option<Lower>,
}

#[derive(Debug)]
struct Current {
    trouble: Trouble,
    /// When there was a sign of it last.
    at: Instant,
    /// When it was looked at closely last.
    looked: Instant,
    /// When it was said last.
    said: Instant,
}

/// A lower master.
#[derive(Debug)]
struct Lower {
    source: IpAddr,
    since: Instant,
    at: Instant,
    count: u32,
}

impl Conflict {
    /// Whether a rejected advert shall be looked at closely; if not, it is only a sign that the trouble lasts.
    pub fn looks(&mut self, now: Instant) -> bool {
        let Some(current) = &mut self.now else { return true };
        if now.duration_since(current.looked) >= CLOSELY {
            return true;
        }
        current.at = now;
        false
    }

    /// There is a sign of trouble. Returns whether to say so.
    pub fn note(&mut self, now: Instant, trouble: Trouble) -> bool {
        let Some(current) = &mut self.now else {
            self.now = Some(Current { trouble, at: now, looked: now, said: now });
            return true;
        };
        (current.at, current.looked) = (now, now);
        let rank = |trouble: &Trouble| trouble.rank();
        if rank(&trouble) > rank(&current.trouble) {
            return false;
        }
        let stronger = rank(&trouble) < rank(&current.trouble);
        let other = stronger || trouble.source() != current.trouble.source();
        current.trouble = trouble;
        let quiet = now.duration_since(current.said);
        let say = stronger || quiet >= if other { NEWS } else { AGAIN };
        if say {
            current.said = now;
        }
        say
    }

    /// A master of lower priority has been heard. Returns whether it has not listened for long enough to say so.
    pub fn lower(&mut self, now: Instant, source: IpAddr, interval: Duration) -> bool {
        let patience = interval * 4;
        match &mut self.lower {
            Some(lower) if lower.source == source && now.duration_since(lower.at) < patience => {
                lower.at = now;
                lower.count = lower.count.saturating_add(1);
                lower.count >= STUBBORN && now.duration_since(lower.since) >= interval * 2
            }
            lower => {
                *lower = Some(Lower { source, since: now, at: now, count: 1 });
                false
            }
        }
    }

    /// Whether the trouble has ended: no sign of it for so long.
    pub fn ended(&mut self, now: Instant, patience: Duration) -> bool {
        self.now.take_if(|current| now.duration_since(current.at) > patience).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::accept::Why;
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 168, 3, last])
    }

    fn rejected(last: u8) -> Trouble {
        Trouble::Rejected { reject: Reject { source: address(last), why: Why::Password }, lists: None }
    }

    fn claimed() -> Trouble {
        Trouble::Claimed { mac: [2, 0, 0, 0, 0, 9], address: Ipv4Addr::new(192, 168, 3, 253) }
    }

    #[test]
    fn the_better_explanation_stands() {
        let (mut conflict, start) = (Conflict::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(conflict.note(at(0), claimed()));
        assert!(conflict.note(at(1), rejected(11)));
        assert!(!conflict.note(at(2), claimed()));
        assert_eq!(conflict.now.as_ref().map(|now| &now.trouble), Some(&rejected(11)));
        assert!(!conflict.ended(at(5), Duration::from_secs(4)));
        assert!(conflict.ended(at(7), Duration::from_secs(4)));
        assert!(!conflict.ended(at(9), Duration::ZERO));
    }

    #[test]
    fn a_flood_is_said_seldom() {
        let (mut conflict, start) = (Conflict::default(), Instant::now());
        let (mut said, mut looked) = (0, 0);
        for sign in 0..120_000u32 {
            let now = start + Duration::from_millis(sign.into());
            if conflict.looks(now) {
                looked += 1;
                said += u32::from(conflict.note(now, rejected((sign / 1000) as u8)));
            }
        }
        assert_eq!((looked, said), (120, 12));
    }

    #[test]
    fn who_yields_in_time_is_no_rival() {
        let (mut conflict, start, interval) = (Conflict::default(), Instant::now(), Duration::from_secs(1));
        let heard = |conflict: &mut Conflict, millis| {
            conflict.lower(start + Duration::from_millis(millis), address(11), interval)
        };
        assert_eq!([0, 10, 20, 30].map(|at| heard(&mut conflict, at)), [false; 4]);
        assert_eq!([9_000, 10_000, 11_000, 12_000].map(|at| heard(&mut conflict, at)), [false, false, true, true]);
    }

    #[test]
    fn lists_say_what_differs() {
        let ours = [address(253), address(252)];
        assert_eq!(Lists::compare(&ours, &[address(252), address(253)]), None);
        let other = Lists::compare(&ours, &[address(252), address(7)]).expect("they differ");
        assert_eq!(other.to_string(), "only there 192.168.3.7, only here 192.168.3.253");
        assert!(!other.is_strange());
        let strange = Lists::compare(&ours, &[address(7)]).expect("they differ");
        assert!(strange.is_strange());
        assert!(!Lists::compare(&ours, &[]).expect("they differ").is_strange());
    }
}
