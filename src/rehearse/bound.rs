//! What the protocol allows: how long nobody may answer, from the figures of both directors' files. Pure.

use std::fmt;
use std::time::Duration;

use super::pair::{Pair, Terms};
use super::report::millis;

/// For everything that is not the protocol's waiting: processes, ARP, the pace of the clients.
const ROOM: Duration = Duration::from_millis(400);
/// How long a proxy that hangs is stopped where nothing moves for it.
pub const HANG: Duration = Duration::from_secs(3);
/// How long a proxy counts as serving without a sign of life, with the interval of those signs.
const LEASE: Duration = Duration::from_millis(1800);
/// How long it must have served again before the address returns.
const PROVEN: Duration = Duration::from_secs(3);
/// How long rkeep's forwarder waits for a real server that says nothing before it tries the next.
const PASSED_OVER: Duration = Duration::from_secs(3);

/// A time that is allowed, with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound(Vec<(&'static str, Duration)>);

impl Bound {
    /// Only what every machine needs.
    pub fn room(_: &Pair, _: usize) -> Bound {
        Bound(vec![("room", ROOM)])
    }

    /// That director says good-bye, and the other waits its skew.
    pub fn goodbye(pair: &Pair, leaving: usize) -> Bound {
        Bound::room(pair, leaving).and("skew", longest(pair, 1 - leaving, skew))
    }

    /// That director vanishes, and the other waits until it misses it.
    pub fn vanished(pair: &Pair, leaving: usize) -> Bound {
        let adverts = longest(pair, 1 - leaving, |terms| terms.interval * u32::from(terms.adverts));
        Bound::goodbye(pair, leaving).and("missed adverts", adverts)
    }

    /// That director cannot be reached any more; as a real server it is passed over.
    pub fn unreachable(pair: &Pair, leaving: usize) -> Bound {
        let bound = Bound::vanished(pair, leaving);
        if pair.is_real_server(leaving) { bound.and("real server passed over", PASSED_OVER) } else { bound }
    }

    /// The directors cannot reach each other, and each is the other's real server.
    pub fn split(pair: &Pair, from: usize) -> Bound {
        let bound = Bound::room(pair, from);
        let real = pair.is_real_server(0) || pair.is_real_server(1);
        if real { bound.and("real server passed over", PASSED_OVER) } else { bound }
    }

    /// That director comes back and preempts the other: it starts, hears nobody better, and announces itself.
    pub fn back(pair: &Pair, returning: usize) -> Bound {
        let adverts = longest(pair, returning, |terms| terms.interval * u32::from(terms.adverts));
        let delay = longest(pair, returning, |terms| terms.preempt_delay);
        Bound::room(pair, returning)
            .and("skew", longest(pair, returning, skew))
            .and("missed adverts", adverts)
            .and("preempt_delay", delay)
    }

    /// One advert of the better one ends a quarrel.
    pub fn quarrel(pair: &Pair, of: usize) -> Bound {
        let interval = longest(pair, of, |terms| terms.interval).max(longest(pair, 1 - of, |terms| terms.interval));
        Bound::room(pair, of).and("advert_int", interval)
    }

    /// From a port that is closed to the mail about it, or from one that is open again.
    pub fn checked(pair: &Pair, of: usize) -> Bound {
        let checks = pair.services.iter().flat_map(|service| &service.real_servers).flat_map(|real| &real.checks);
        let longest = checks.map(|check| check.delay_loop + check.delay_before_retry * check.retry).max();
        Bound::room(pair, of)
            .and("delay_loop and retries", longest.unwrap_or_default())
            .and("mail", Duration::from_secs(1))
    }

    /// That director's nginx is gone or hangs. Where it answers by itself, the address leaves once that is noticed;
    /// where a virtual server stands before it, another real server is tried.
    pub fn unable(pair: &Pair, director: usize) -> Bound {
        match pair.is_served_by_nginx() {
            true => Bound::goodbye(pair, director).and("lease", LEASE),
            false => Bound::room(pair, director),
        }
    }

    /// The same, but a virtual server does not notice that a real server hangs: it waits until that goes on.
    pub fn hanging(pair: &Pair, director: usize) -> Bound {
        let waits = pair.is_real_server(director) && !pair.is_served_by_nginx();
        Bound::unable(pair, director)
            .and("hang, which TCP_CHECK does not see", if waits { HANG } else { Duration::ZERO })
    }

    /// That director's nginx answers again: it must have for a while, and then the director preempts.
    pub fn able(pair: &Pair, director: usize) -> Bound {
        match pair.is_served_by_nginx() {
            true => Bound::back(pair, director).and("served again", PROVEN),
            false => Bound::room(pair, director),
        }
    }

    /// A server that is back gets requests again.
    pub fn forgiven(pair: &Pair, director: usize) -> Bound {
        let timeout = pair.direct[director].as_ref().map(|direct| direct.forgiven);
        Bound::room(pair, director).and("fail_timeout", timeout.unwrap_or_default())
    }

    fn and(mut self, what: &'static str, time: Duration) -> Bound {
        if !time.is_zero() {
            self.0.push((what, time));
        }
        self
    }

    /// The sum.
    pub fn total(&self) -> Duration {
        self.0.iter().map(|(_, time)| time).sum()
    }

    /// Whether silence belongs to it.
    pub fn allows_silence(&self) -> bool {
        self.0.len() > 1
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(what, time)| format!("{what} {}", millis(*time))).collect();
        f.write_str(&parts.join(" + "))
    }
}

/// (256 - priority) / 256 of a second, in version 3 of an interval.
fn skew(terms: &Terms) -> Duration {
    let whole = if terms.version == 2 { Duration::from_secs(1) } else { terms.interval };
    whole * (256 - u32::from(terms.priority)) / 256
}

/// The longest of one director's times over all virtual routers: they move together.
fn longest(pair: &Pair, director: usize, time: impl Fn(&Terms) -> Duration) -> Duration {
    pair.instances.iter().map(|instance| time(&instance.sides[director])).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::pair::Instance;
    use super::*;

    fn pair(version: u8, interval: u64) -> Pair {
        let terms = |priority| Terms {
            priority,
            version,
            interval: Duration::from_millis(interval),
            adverts: 3,
            nopreempt: false,
            preempt_delay: Duration::ZERO,
        };
        let sides = [terms(100), terms(99)];
        let instance = Instance { name: "VI_1".into(), router: 51, addresses: Vec::new(), sides };
        Pair { instances: vec![instance], ..Pair::default() }
    }

    #[test]
    fn version_2_skews_by_parts_of_a_second() {
        let pair = pair(2, 2000);
        let (goodbye, vanished) = (Bound::goodbye(&pair, 0), Bound::vanished(&pair, 0));
        assert_eq!((millis(goodbye.total()), millis(vanished.total())), (613 + 400, 6613 + 400));
        assert_eq!(vanished.to_string(), "room 400 + skew 613 + missed adverts 6000");
        // The better one's skew is shorter.
        assert_eq!(millis(Bound::goodbye(&pair, 1).total()), 609 + 400);
    }

    #[test]
    fn version_3_skews_by_parts_of_the_interval() {
        let pair = pair(3, 100);
        assert_eq!(millis(Bound::vanished(&pair, 0).total()), 300 + 61 + 400);
        assert!(!Bound::room(&pair, 0).allows_silence() && Bound::goodbye(&pair, 0).allows_silence());
    }
}
