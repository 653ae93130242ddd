use std::net::Ipv4Addr;

use rkeep_parsers::ir::Id;
use rkeep_parsers::ir::vrrp::{Auth, ExtraGarp, NotifyScripts, Speech, VirtualAddress};
use rkeep_parsers::source::Span;

use super::*;

mod circumstances;

pub(super) const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 253);
const PLACE: Ipv4Addr = Ipv4Addr::new(192, 168, 4, 253);
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 3, 11));
const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 3, 10));
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn virtual_address(address: Ipv4Addr) -> VirtualAddress {
    virtual_address_of(address.into())
}

pub(in crate::vrrp) fn virtual_address_of(address: IpAddr) -> VirtualAddress {
    VirtualAddress {
        address,
        prefix: 32,
        broadcast: None,
        device: None,
        label: None,
        scope: 0,
        no_track: false,
        span: Span::NONE,
    }
}

/// The article's instance with keepalived's defaults.
pub(in crate::vrrp) fn article(priority: u8) -> Router {
    Router {
        name: "VI_1".to_owned(),
        initial: InitialState::Backup,
        interface: "eth0".to_owned(),
        vrid: 51,
        priority,
        version: 2,
        advert_interval: SECOND,
        down_timer_adverts: 3,
        auth: Auth::Pass(*b"1111\0\0\0\0"),
        addresses: vec![virtual_address(VIP)],
        excluded: vec![],
        paths: Default::default(),
        nopreempt: false,
        follows_service: true,
        preempt_delay: Duration::ZERO,
        tracks: vec![],
        dont_track_primary: false,
        source: None,
        unicast_peers: vec![],
        speech: Speech::default(),
        strict: false,
        garp_delay: 5 * SECOND,
        garp_repeat: 5,
        garp_refresh: Duration::ZERO,
        garp_refresh_repeat: 1,
        garp_lower_prio_delay: 5 * SECOND,
        garp_lower_prio_repeat: 5,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        smtp_alert: false,
        notify: NotifyScripts::default(),
        debug: 0,
        group: None,
        span: Span::NONE,
    }
}

/// A machine with its clock.
struct Bench {
    machine: Machine,
    start: Instant,
    now: Instant,
}

impl Bench {
    fn new(router: Router) -> Self {
        let now = Instant::now();
        let mut bench = Bench { machine: Machine::new(router), start: now, now };
        bench.tell(Input::Source(Some(OURS)));
        bench
    }

    fn started(router: Router) -> Self {
        let mut bench = Bench::new(router);
        bench.tell(Input::Start { delay: Duration::ZERO, legacy: Legacy::None, late: false });
        bench
    }

    fn master(router: Router) -> Self {
        let mut bench = Bench::started(router);
        bench.until_deadline();
        assert_eq!(bench.machine.verdict(), Some(Verdict::Master));
        bench
    }

    fn tell(&mut self, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.machine.handle(self.now, input, &mut out);
        out
    }

    fn hear(&mut self, priority: u8) -> Vec<Effect> {
        self.hear_from(priority, PEER, SECOND)
    }

    fn hear_from(&mut self, priority: u8, source: IpAddr, interval: Duration) -> Vec<Effect> {
        self.tell(Input::Heard(Heard { source, priority, interval, sequence: None, oddity: None }))
    }

    fn until_deadline(&mut self) -> Vec<Effect> {
        self.now = self.machine.deadline().expect("something is due");
        self.tell(Input::Tick)
    }

    fn fault(&mut self, fault: bool) -> Vec<Effect> {
        self.tell(Input::Condition(Condition { fault, ..Condition::default() }))
    }

    fn ability(&mut self, ability: Ability) -> Vec<Effect> {
        self.tell(Input::Condition(Condition { ability, ..Condition::default() }))
    }

    fn waits(&self) -> Duration {
        self.machine.deadline().expect("something is due") - self.now
    }
}

/// Effects without what is only said.
fn deeds(effects: &[Effect]) -> Vec<&Effect> {
    effects.iter().filter(|effect| !matches!(effect, Effect::Say(_))).collect()
}

fn said(effects: &[Effect]) -> Vec<String> {
    let note = |effect: &Effect| match effect {
        Effect::Say(note) => Some(note.to_string()),
        _ => None,
    };
    effects.iter().filter_map(note).collect()
}

fn became(effects: &[Effect]) -> Option<(Verdict, &'static str)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Became { verdict, cause } => Some((*verdict, *cause)),
        _ => None,
    })
}

#[test]
fn waits_as_long_as_keepalived_does() {
    assert_eq!(Bench::started(article(100)).waits(), Duration::from_micros(3_609_375));
    assert_eq!(Bench::started(article(90)).waits(), Duration::from_micros(3_648_437) + Duration::from_nanos(500));
    let third = Router { version: 3, advert_interval: Duration::from_millis(10), ..article(90) };
    assert_eq!(Bench::started(third).waits(), Duration::from_nanos(36_484_375));
    let slow = Router { advert_interval: 5 * SECOND, ..article(100) };
    assert_eq!(Bench::started(slow).waits(), Duration::from_micros(15_609_375), "version 2's skew is of a second");
}

#[test]
fn becomes_master_by_advert_addresses_and_announcements() {
    let mut bench = Bench::started(article(100));
    let effects = bench.until_deadline();
    let vips = bench.machine.addresses().clone();
    let became = Effect::Became { verdict: Verdict::Master, cause: "timeout" };
    let order = [Effect::Advert(100), Effect::Add(vips.clone()), Effect::Announce(vips, 5), became];
    assert_eq!(deeds(&effects), order.iter().collect::<Vec<_>>());
    assert_eq!(said(&effects), ["Receive advertisement timeout", "Entering MASTER STATE", "setting VIPs."]);
}

#[test]
fn state_master_changes_nothing_but_for_the_owner() {
    let master = Router { initial: InitialState::Master, ..article(100) };
    assert_eq!(Bench::started(master.clone()).machine.verdict(), Some(Verdict::Backup));
    let owner = Router { priority: OWNER, ..master };
    assert_eq!(Bench::started(owner).machine.verdict(), Some(Verdict::Master));
}

#[test]
fn advertises_on_the_beat_and_announces_a_second_time() {
    let mut bench = Bench::master(article(100));
    let begin = bench.now;
    for beat in 1..5u32 {
        assert_eq!(deeds(&bench.until_deadline()), [&Effect::Advert(100)]);
        assert_eq!(bench.now - begin, beat * SECOND);
    }
    let fifth = bench.until_deadline();
    let vips = bench.machine.addresses().clone();
    assert_eq!(deeds(&fifth), [&Effect::Advert(100), &Effect::Announce(vips, 5)]);
    assert_eq!(deeds(&bench.until_deadline()), [&Effect::Advert(100)], "and that is all");
}

#[test]
fn a_late_master_does_not_make_up_for_missed_beats() {
    let mut bench = Bench::master(article(100));
    bench.now += 4 * SECOND;
    assert_eq!(deeds(&bench.tell(Input::Tick)), [&Effect::Advert(100)]);
    assert_eq!(bench.waits(), SECOND);
}

#[test]
fn refreshes_announcements_when_told_to() {
    let refreshing = Router { garp_refresh: 2 * SECOND, garp_delay: Duration::ZERO, ..article(100) };
    let mut bench = Bench::master(refreshing);
    let announcements = |effects: Vec<Effect>| effects.iter().any(|effect| matches!(effect, Effect::Announce(_, 1)));
    let pattern: Vec<bool> = (0..4).map(|_| announcements(bench.until_deadline())).collect();
    assert_eq!(pattern, [false, true, false, true]);
}

#[test]
fn addresses_on_other_interfaces_are_announced_on_their_own_beat() {
    let speech = Speech { extra_garp: Some(ExtraGarp { every: 2 * SECOND, all: true }), ..Speech::default() };
    let elsewhere = VirtualAddress { device: Some("eth1".to_owned()), ..virtual_address(PLACE) };
    let addresses = vec![virtual_address(VIP), elsewhere.clone()];
    let mut bench = Bench::master(Router { speech, addresses, garp_delay: Duration::ZERO, ..article(100) });
    let mut pattern = Vec::new();
    for _ in 0..4 {
        let effects = bench.until_deadline();
        pattern.push(effects.contains(&Effect::Announce([elsewhere.clone()].into_iter().collect(), 1)));
    }
    assert_eq!(pattern, [false, true, false, true]);
    // Without the word it ends.
    bench.tell(Input::Reconfigure(Box::new(article(100))));
    assert!((0..4).all(|_| !bench.until_deadline().iter().any(|effect| matches!(effect, Effect::Announce(..)))));
}

#[test]
fn a_backup_obeys_its_equals_and_ignores_lesser_ones() {
    let mut bench = Bench::started(article(100));
    bench.now += 2 * SECOND;
    bench.hear(100);
    assert_eq!(bench.waits(), Duration::from_micros(3_609_375));
    bench.now += SECOND;
    let effects = bench.hear(90);
    assert_eq!(bench.waits(), Duration::from_micros(2_609_375));
    assert_eq!(said(&effects), ["received lower priority (90) advert from 192.168.3.11 - discarding"]);
}

#[test]
fn a_goodbye_leaves_the_skew_only() {
    let mut bench = Bench::started(article(90));
    bench.hear(100);
    let effects = bench.hear(0);
    assert_eq!(bench.waits(), Duration::from_nanos(648_437_500));
    assert_eq!(said(&effects), ["Backup received priority 0 advertisement"]);
    assert_eq!(bench.machine.stats().zero_received, 1);
}

#[test]
fn nopreempt_obeys_anybody() {
    let mut bench = Bench::started(Router { nopreempt: true, ..article(100) });
    bench.now += SECOND;
    bench.hear(1);
    assert_eq!(bench.waits(), Duration::from_micros(3_609_375));
}

#[test]
fn preempt_delay_tolerates_a_lesser_one_for_a_while() {
    let mut bench = Bench::started(Router { preempt_delay: 3 * SECOND, ..article(100) });
    assert_eq!(said(&bench.hear(90)).last().map(String::as_str), Some("start preempt delay (3.000000)"));
    for _ in 0..2 {
        bench.now += SECOND;
        bench.hear(90);
        assert_eq!(bench.waits(), Duration::from_micros(3_609_375), "still tolerated");
    }
    bench.now += SECOND;
    let effects = bench.hear(90);
    assert_eq!(bench.waits(), Duration::from_micros(2_609_375));
    assert!(said(&effects)[0].ends_with("discarding"));
    assert_eq!(said(&bench.hear(100)), ["stop preempt delay"]);
}

#[test]
fn a_master_gives_way_to_the_higher_without_a_goodbye() {
    let mut bench = Bench::master(article(90));
    let effects = bench.hear(100);
    let vips = bench.machine.addresses().clone();
    let became = Effect::Became { verdict: Verdict::Backup, cause: "higher-priority" };
    assert_eq!(deeds(&effects), [&Effect::Remove(vips), &became]);
    let lines = [
        "Master received advert from 192.168.3.11 with higher priority 100, ours 90",
        "Entering BACKUP STATE",
        "removing VIPs.",
    ];
    assert_eq!(said(&effects), lines);
    assert_eq!(bench.waits(), Duration::from_nanos(3_648_437_500));
}

#[test]
fn among_equals_the_higher_address_wins() {
    let mut bench = Bench::master(article(100));
    let effects = bench.hear_from(100, IpAddr::V4(Ipv4Addr::new(192, 168, 3, 9)), SECOND);
    assert!(effects.contains(&Effect::Advert(100)), "insists against a lower address");
    let effects = bench.hear_from(100, OURS, SECOND);
    assert!(deeds(&effects).is_empty(), "never answers its own address: the answers would not end");
    let effects = bench.hear(100);
    assert_eq!(became(&effects), Some((Verdict::Backup, "higher-priority")));
}

#[test]
fn a_master_insists_against_the_lower() {
    let mut bench = Bench::master(article(100));
    bench.now += Duration::from_millis(300);
    let effects = bench.hear(90);
    let vips = bench.machine.addresses().clone();
    assert_eq!(deeds(&effects), [&Effect::Advert(100), &Effect::Announce(vips, 5)]);
    assert_eq!(bench.waits(), SECOND);
    let silent = Router { lower_prio_no_advert: true, ..article(100) };
    let mut bench = Bench::master(silent);
    assert!(!bench.hear(90).contains(&Effect::Advert(100)));
}

#[test]
fn a_master_answers_a_goodbye_at_once() {
    let mut bench = Bench::master(article(100));
    assert_eq!(deeds(&bench.hear(0)), [&Effect::Advert(100)]);
}

#[test]
fn of_two_owners_one_steps_down() {
    let owner = Router { priority: OWNER, initial: InitialState::Master, ..article(100) };
    let mut bench = Bench::started(owner);
    let effects = bench.hear(OWNER);
    assert_eq!(became(&effects), Some((Verdict::Backup, "higher-priority")));
    assert_eq!(bench.machine.priority(), 254);
}

#[test]
fn stop_says_goodbye_and_lets_go() {
    let mut bench = Bench::master(article(100));
    let effects = bench.tell(Input::Stop { deleted: false });
    let vips = bench.machine.addresses().clone();
    let became = Effect::Became { verdict: Verdict::Stopped, cause: cause::STOP };
    assert_eq!(deeds(&effects), [&Effect::Advert(0), &Effect::Remove(vips), &became]);
    assert_eq!(said(&effects), ["sent 0 priority", "removing VIPs."]);
    assert_eq!(bench.machine.deadline(), None);
    assert!(bench.hear(100).is_empty());
    let mut backup = Bench::started(article(100));
    assert_eq!(deeds(&backup.tell(Input::Stop { deleted: true })).len(), 1, "a backup leaves silently");
}

#[test]
fn a_member_asks_its_group_first() {
    let member = Router { group: Some(Id::new(0)), ..article(100) };
    let mut bench = Bench::started(member);
    assert_eq!(deeds(&bench.until_deadline()), [&Effect::Ready]);
    assert!(bench.machine.is_ready());
    bench.hear(100);
    assert!(!bench.machine.is_ready(), "a master was heard after all");
    let effects = bench.tell(Input::Follow { verdict: Verdict::Master, goodbye: false, leads: false });
    assert_eq!(became(&effects), Some((Verdict::Master, "group")));
    let effects = bench.tell(Input::Follow { verdict: Verdict::Backup, goodbye: false, leads: false });
    assert_eq!(became(&effects), Some((Verdict::Backup, "group")));
    assert!(!effects.contains(&Effect::Advert(0)));
}

#[test]
fn the_clock_is_only_what_it_is_told() {
    let bench = Bench::started(article(100));
    assert_eq!(bench.start, bench.now);
    assert!(bench.machine.deadline() > Some(bench.start));
}

#[test]
fn an_owner_may_ignore_whoever_says_he_is_master() {
    let speech = Speech { owner_ignores_adverts: true, ..Speech::default() };
    let owner = Router { initial: InitialState::Master, speech, ..article(OWNER) };
    let mut bench = Bench::new(owner);
    bench.tell(Input::Start { delay: Duration::ZERO, legacy: Legacy::None, late: false });
    let heard = Heard { source: PEER, priority: OWNER, interval: SECOND, sequence: None, oddity: None };
    assert_eq!(bench.tell(Input::Heard(heard)), []);
    assert_eq!(bench.machine.priority(), OWNER);
}

fn adverts(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Advert(_))).count()
}

#[test]
fn what_changes_nothing_is_answered_at_once_unless_it_is_a_flood() {
    let mut bench = Bench::master(article(100));
    let other = IpAddr::V4(Ipv4Addr::new(192, 168, 3, 12));
    let answers = [(90, PEER), (80, other), (0, PEER)].map(|(priority, from)| bench.hear_from(priority, from, SECOND));
    assert_eq!(answers.map(|effects| adverts(&effects)), [1, 1, 1]);
    bench.now += SECOND;
    let mut answers = [0, 0];
    for millis in 0..2_000 {
        answers[millis / 1_000] += adverts(&bench.hear(90));
        bench.now += Duration::from_millis(1);
    }
    assert_eq!(answers, [10, 10]);
}

#[test]
fn in_a_flood_a_goodbye_is_answered_before_a_backup_takes_it_for_the_master_s() {
    let mut bench = Bench::master(article(100));
    for _ in 0..1_000 {
        bench.hear(90);
    }
    assert_eq!(adverts(&bench.hear(0)), 0);
    assert_eq!(bench.waits(), SECOND / 10);
    assert_eq!(adverts(&bench.until_deadline()), 1);
    assert_eq!(bench.waits(), SECOND);
}
