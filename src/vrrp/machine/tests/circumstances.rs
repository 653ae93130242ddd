//! What comes from beside the wire: faults, tracking, the ability to serve, versions, reloads, predecessors.

use super::*;

#[test]
fn a_fault_takes_it_out_and_back_to_backup() {
    let mut bench = Bench::master(article(100));
    let effects = bench.fault(true);
    assert_eq!(said(&effects), ["Entering FAULT STATE", "sent 0 priority", "sent 0 priority", "removing VIPs."]);
    assert!(bench.fault(true).is_empty());
    assert!(bench.hear(90).is_empty(), "deaf in FAULT");
    let effects = bench.fault(false);
    assert_eq!(became(&effects), Some((Verdict::Backup, "recovered")));
    assert_eq!(bench.waits(), Duration::from_micros(3_609_375));
}

#[test]
fn starts_in_fault_when_the_interface_is_down() {
    let mut bench = Bench::new(article(100));
    bench.fault(true);
    let effects = bench.tell(Input::Start { delay: Duration::ZERO, legacy: Legacy::TakeUp, late: false });
    assert_eq!(became(&effects), Some((Verdict::Fault, "link")));
}

#[test]
fn a_lost_address_costs_one_skew() {
    let mut bench = Bench::master(article(90));
    let effects = bench.tell(Input::AddressLost);
    assert_eq!(said(&effects), ["Entering BACKUP STATE", "sent 0 priority", "removing VIPs."]);
    assert_eq!(bench.waits(), Duration::from_nanos(648_437_500));
    assert!(bench.tell(Input::AddressLost).is_empty());
}

#[test]
fn tracking_moves_priority_and_patience() {
    let mut bench = Bench::started(article(100));
    let effects = bench.tell(Input::Condition(Condition { weight: -20, ..Condition::default() }));
    assert_eq!(said(&effects), ["Changing effective priority from 100 to 80"]);
    assert_eq!(bench.waits(), Duration::from_millis(3_687) + Duration::from_micros(500));
    bench.tell(Input::Condition(Condition { weight: -254, ..Condition::default() }));
    assert_eq!(bench.machine.priority(), 1, "never zero, never FAULT");
    bench.tell(Input::Condition(Condition { weight: 254, ..Condition::default() }));
    assert_eq!(bench.machine.priority(), 254, "never the owner's");
}

#[test]
fn who_cannot_serve_lets_a_peer_in_once_and_has_the_addresses_where_there_is_none() {
    let mut bench = Bench::master(article(100));
    let effects = bench.ability(Ability::Unable);
    assert!(deeds(&effects).starts_with(&[&Effect::Advert(0)]), "{effects:?}");
    assert_eq!(became(&effects), Some((Verdict::Backup, cause::UNABLE)));
    // Longer than the skew of any peer.
    assert_eq!(bench.waits(), 3 * SECOND + SECOND * 255 / 256);
    let effects = bench.until_deadline();
    assert!(deeds(&effects).starts_with(&[&Effect::Advert(LOWEST)]), "{effects:?}");
    assert_eq!(bench.ability(Ability::Unable), [], "once");
    let effects = bench.ability(Ability::Able);
    assert_eq!(bench.machine.verdict(), Some(Verdict::Master));
    assert_eq!(said(&effects)[1], "Changing effective priority from 1 to 100");
}

#[test]
fn not_even_an_owner_insists_where_it_cannot_serve() {
    let owner = Router { initial: InitialState::Master, ..article(OWNER) };
    let mut bench = Bench::started(owner);
    assert_eq!(bench.machine.verdict(), Some(Verdict::Master));
    bench.ability(Ability::Unable);
    assert_eq!((bench.machine.verdict(), bench.machine.priority()), (Some(Verdict::Backup), LOWEST));
    bench.hear(90);
    assert_eq!(bench.waits(), bench.machine.down_time(), "it obeys");
    bench.ability(Ability::Able);
    assert_eq!(bench.machine.priority(), OWNER);
}

#[test]
fn who_does_not_preempt_still_follows_a_master_that_has_given_up() {
    let patient = Router { nopreempt: true, ..article(90) };
    let waits_for = |priority, ability| {
        let mut bench = Bench::started(patient.clone());
        bench.ability(ability);
        let deadline = bench.machine.deadline();
        bench.now += SECOND;
        bench.hear(priority);
        bench.machine.deadline() != deadline
    };
    assert!(waits_for(50, Ability::Able));
    assert!(!waits_for(LOWEST, Ability::Able));
    assert!(waits_for(LOWEST, Ability::Unknown), "as keepalived");
    assert!(waits_for(LOWEST, Ability::Unable), "neither can serve");
}

#[test]
fn version_3_learns_the_master_s_pace_and_forgets_it_as_master() {
    let third = Router { version: 3, auth: Auth::None, ..article(100) };
    let mut bench = Bench::started(third);
    let effects = bench.hear_from(200, PEER, Duration::from_millis(500));
    assert_eq!(said(&effects)[1], "advertisement interval updated from 1000ms to 500ms by master");
    assert_eq!(bench.waits(), Duration::from_millis(1500) + Duration::from_millis(500) * 156 / 256);
    let effects = bench.until_deadline();
    assert!(said(&effects).contains(&"changing advert interval from 500ms to locally configured 1000ms".to_owned()));
    assert_eq!(bench.waits(), SECOND);
}

#[test]
fn the_same_configuration_has_no_effect() {
    let mut bench = Bench::master(article(100));
    let before = bench.machine.deadline();
    bench.now += Duration::from_millis(10);
    assert!(bench.tell(Input::Reconfigure(Box::new(article(100)))).is_empty());
    assert_eq!(bench.machine.deadline(), before);
}

#[test]
fn a_reload_moves_only_the_addresses_that_differ() {
    let mut bench = Bench::master(article(100));
    let (kept, new) = (virtual_address(VIP), virtual_address(Ipv4Addr::new(192, 168, 3, 252)));
    let more = Router { addresses: vec![kept.clone(), new.clone()], ..article(100) };
    let effects = bench.tell(Input::Reconfigure(Box::new(more)));
    let added: Addresses = [new.clone()].into();
    assert_eq!(
        deeds(&effects),
        [&Effect::Advert(100), &Effect::Add(added.clone()), &Effect::Announce(added.clone(), 5)]
    );
    let effects = bench.tell(Input::Reconfigure(Box::new(article(100))));
    assert_eq!(deeds(&effects), [&Effect::Advert(100), &Effect::Remove(added)]);
    assert_eq!(said(&effects), ["ip address 192.168.3.252/32 dev eth0, no longer exist"]);
    assert_eq!(bench.machine.verdict(), Some(Verdict::Master));
}

#[test]
fn a_reload_s_new_pace_counts_at_once() {
    let slow = Router { advert_interval: 10 * SECOND, ..article(100) };
    let mut bench = Bench::master(slow.clone());
    bench.tell(Input::Reconfigure(Box::new(article(100))));
    assert_eq!(bench.waits(), SECOND);
    let mut bench = Bench::started(slow);
    bench.tell(Input::Reconfigure(Box::new(article(100))));
    assert_eq!(bench.waits(), Duration::from_micros(3_609_375));
}

#[test]
fn takes_up_as_master_without_letting_go() {
    let mut bench = Bench::new(article(100));
    let effects = bench.tell(Input::Start { delay: Duration::ZERO, legacy: Legacy::TakeUp, late: false });
    assert_eq!(became(&effects), Some((Verdict::Master, "resume")));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Remove(_))));
    assert_eq!(deeds(&effects).first(), Some(&&Effect::Advert(100)));
}

#[test]
fn resigns_for_a_predecessor_that_dies_again_and_again() {
    let mut bench = Bench::new(article(100));
    let effects = bench.tell(Input::Start { delay: Duration::ZERO, legacy: Legacy::Resign, late: false });
    assert_eq!(deeds(&effects)[..2], [&Effect::Advert(0), &Effect::Remove(bench.machine.addresses().clone())]);
    assert_eq!(became(&effects), Some((Verdict::Backup, cause::START)));
}

#[test]
fn a_delayed_start_waits_longer() {
    let mut bench = Bench::new(article(100));
    bench.tell(Input::Start { delay: 4 * SECOND, legacy: Legacy::None, late: false });
    assert_eq!(bench.waits(), Duration::from_micros(7_609_375));
}
