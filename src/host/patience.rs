//! How long to wait before a process that has died is started again. Pure.

use std::time::Duration;

use crate::bus::Role;

/// A process that lived shorter than this is respawned with growing delays.
const SHORT_LIFE: Duration = Duration::from_secs(60);

/// The same for the VRRP process: one that dies now and then need not give its addresses up.
const SHORT_VRRP_LIFE: Duration = Duration::from_secs(10);

/// The longest delay.
const LONGEST: Duration = Duration::from_secs(60);

/// How long to wait before a role is started again: nothing the first time, then 1 s, 2 s, 4 s … 60 s as long as it keeps
/// dying young.
#[derive(Debug, Default)]
pub struct Patience {
    next: Duration,
}

/// What to do about a process that has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Again {
    /// Start another one after so long.
    pub delay: Duration,
    /// It may go on where the dead one was; else it lets others take over.
    pub take_up: bool,
}

impl Patience {
    /// What to do after a process of this role that lived for `life`.
    pub fn again(&mut self, role: Role, life: Duration) -> Again {
        let short = if role == Role::Vrrp { SHORT_VRRP_LIFE } else { SHORT_LIFE };
        if life >= short {
            self.next = Duration::ZERO;
        }
        let (delay, second) = (self.next, self.next == Duration::from_secs(1));
        self.next = (delay * 2).clamp(Duration::from_secs(1), LONGEST);
        // Saying good-bye does not wait; it is tried at once but one time.
        let delay = if second && role == Role::Vrrp { Duration::ZERO } else { delay };
        Again { delay, take_up: self.next == Duration::from_secs(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_with_each_early_death_and_is_forgiven_after_a_long_life() {
        let mut patience = Patience::default();
        let mut after = |life| patience.again(Role::Checkers, Duration::from_secs(life)).delay.as_secs();
        let delays: Vec<u64> = (0..9).map(|_| after(2)).collect();
        assert_eq!(delays, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!((after(61), after(1)), (0, 1));
    }

    #[test]
    fn a_vrrp_process_goes_on_once_then_says_good_bye_at_once() {
        let mut patience = Patience::default();
        let mut after = |life| patience.again(Role::Vrrp, Duration::from_secs(life));
        let again = |delay, take_up| Again { delay: Duration::from_secs(delay), take_up };
        assert_eq!([after(2), after(11)], [again(0, true); 2], "now and then");
        assert_eq!([after(9), after(9), after(9)], [again(0, false), again(2, false), again(4, false)]);
    }
}
