//! One VRRP speaker, seen from the wire and from its interface, against a peer that is only a pen: what it sends, when it
//! gives way and when it insists, what it leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::{Event, Running, eventually};
use rkeep::vrrp::wire::ipv4::GROUP;
use rkeep_compat_tests::on_original;
use rkeep_compat_tests::speaker::{CONFIGURATION, OTHER, PEER, SPEAKER, Scene, VIP, instance};
use rustix::process::{Signal, kill_process};
use socket2::{Domain, Protocol, Socket, Type};

/// From the start to the first advert at priority 100.
const DOWN: Duration = Duration::from_micros(3_609_375);

/// How many of these moments lie within so many milliseconds after `since`.
fn within(moments: &[Instant], since: Instant, from: u64, to: u64) -> usize {
    let (from, to) = (since + Duration::from_millis(from), since + Duration::from_millis(to));
    moments.iter().filter(|at| (from..to).contains(*at)).count()
}

#[test]
fn comes_up_waits_announces_and_leaves() {
    let mut scene = Scene::new(&instance("VI_1", 51, &[VIP], ""));
    // What a predecessor left is removed, what only looks alike is not.
    scene.speaker.readdress(VIP, 32, true).unwrap();
    scene.speaker.readdress(OTHER, 24, true).unwrap();
    let started = Instant::now();
    scene.start();
    scene.wait(|scene| !scene.has(VIP));
    assert!(scene.adverts().is_empty());
    scene.wait(|scene| scene.has(VIP));
    let (first, _, priority) = scene.adverts()[0];
    assert_eq!(priority, 100);
    assert!(first - started >= DOWN, "{:?}", first - started);
    assert!(first - started < DOWN + Duration::from_secs(2), "{:?}", first - started);
    scene.wait(|scene| scene.announcements(VIP).len() >= 10);
    let announced = scene.announcements(VIP);
    assert!(announced[0] > first, "adverts come first");
    assert_eq!(within(&announced, announced[0], 0, 1_000), 5);
    assert_eq!(within(&announced, announced[0], 4_500, 6_500), 5);
    assert!(scene.has(OTHER));
    assert_eq!(scene.end(), Some(0));
    assert!(!scene.has(VIP));
    scene.wait(|scene| scene.zeros() == 1);
    assert_eq!(scene.adverts().last().map(|(_, _, priority)| *priority), Some(0));
}

#[test]
fn sends_keepalived_s_bytes() {
    let mut scene = Scene::new(&instance("VI_1", 51, &[VIP], ""));
    let frames: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let kept = Arc::clone(&frames);
    let ear = scene
        .peer
        .within(|| {
            let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(112)))?;
            socket.join_multicast_v4(&GROUP, &PEER)?;
            socket.set_read_timeout(Some(Duration::from_secs(15)))?;
            Ok(socket)
        })
        .unwrap();
    let task = scene.peer.thread(move || {
        for _ in 0..2 {
            let mut packet = [0; 128];
            let length = std::io::Read::read(&mut &ear, &mut packet).unwrap();
            kept.lock().unwrap().push(packet[..length].to_vec());
        }
    });
    scene.start();
    task.unwrap().join().unwrap();
    let expected = |id: u8, sum: u8| {
        let mut bytes = vec![0x45, 0xc0, 0, 40, 0, id, 0, 0, 255, 112, 0x16, sum, 192, 168, 3, 10, 224, 0, 0, 18];
        bytes.extend([0x21, 51, 100, 1, 1, 1, 0x52, 0xc2, 192, 168, 3, 253, b'1', b'1', b'1', b'1', 0, 0, 0, 0]);
        bytes
    };
    assert_eq!(*frames.lock().unwrap(), [expected(1, 0xe0), expected(2, 0xdf)]);
}

#[test]
fn insists_against_the_lower_and_answers_goodbyes() {
    let scene = Scene::master(&instance("VI_1", 51, &[VIP], ""));
    sleep(Duration::from_millis(300));
    let said = scene.say(51, 90, &[VIP]);
    sleep(Duration::from_millis(400));
    let adverts: Vec<Instant> = scene.adverts().iter().map(|(at, _, _)| *at).collect();
    assert!(within(&adverts, said, 0, 300) >= 1, "{}", scene.watch.told(said));
    assert_eq!(within(&scene.announcements(VIP), said, 0, 400), 5);
    let said = scene.say(51, 0, &[VIP]);
    sleep(Duration::from_millis(300));
    let adverts: Vec<Instant> = scene.adverts().iter().map(|(at, _, _)| *at).collect();
    assert!(within(&adverts, said, 0, 300) >= 1, "{}", scene.watch.told(said));
    assert!(scene.has(VIP));
}

#[test]
fn gives_way_to_the_higher_silently_and_comes_back() {
    let scene = Scene::master(&instance("VI_1", 51, &[VIP], ""));
    let said = scene.say(51, 110, &[VIP]);
    assert!(eventually(Duration::from_secs(1), || !scene.has(VIP)));
    scene.wait(|scene| scene.has(VIP));
    let (again, _) = scene.watch.first(said, |event| matches!(event, Event::Advert { from: SPEAKER, .. })).unwrap();
    let waited = again - said;
    assert!(waited >= DOWN - Duration::from_millis(20), "{waited:?}");
    assert_eq!(scene.zeros(), 0);
    // A goodbye shortens the wait to the skew.
    let said = scene.say(51, 110, &[VIP]);
    scene.say(51, 0, &[VIP]);
    scene.wait(|scene| !scene.has(VIP));
    scene.wait(|scene| scene.has(VIP));
    let after = said + Duration::from_millis(100);
    let (again, _) = scene.watch.first(after, |event| matches!(event, Event::Advert { from: SPEAKER, .. })).unwrap();
    assert!(again - said < Duration::from_secs(2), "{:?}", again - said);
}

#[test]
fn an_address_taken_away_is_back_after_a_skew() {
    let scene = Scene::master(&instance("VI_1", 51, &[VIP], ""));
    let since = Instant::now();
    scene.speaker.readdress(VIP, 32, false).unwrap();
    scene.wait(|scene| scene.zeros() == 1);
    scene.wait(|scene| scene.has(VIP));
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
}

#[test]
fn a_group_goes_together() {
    let group = "vrrp_sync_group G1 {\n    group {\n        VI_1\n        VI_2\n    }\n}\n";
    let configuration = [group, &instance("VI_1", 51, &[VIP], ""), &instance("VI_2", 52, &[OTHER], "")].concat();
    let scene = Scene::master(&configuration);
    scene.wait(|scene| scene.has(OTHER));
    scene.say(52, 110, &[OTHER]);
    let gone = || !scene.has(VIP) && !scene.has(OTHER);
    assert!(eventually(Duration::from_secs(2), gone), "{}", scene.watch.told(Instant::now()));
    scene.wait(|scene| scene.has(VIP) && scene.has(OTHER));
}

#[test]
fn nopreempt_leaves_a_lower_master_alone() {
    let mut scene = Scene::new(&instance("VI_1", 51, &[VIP], "    nopreempt\n"));
    scene.start();
    for _ in 0..7 {
        scene.say(51, 50, &[VIP]);
        sleep(Duration::from_millis(900));
        assert!(scene.adverts().is_empty());
    }
    scene.wait(|scene| scene.has(VIP));
}

#[test]
fn a_wrong_password_is_no_master() {
    let mut scene = Scene::new(&instance("VI_1", 51, &[VIP], "").replace("1111", "2222"));
    scene.start();
    for _ in 0..6 {
        scene.say(51, 200, &[VIP]);
        sleep(Duration::from_millis(900));
    }
    assert!(scene.has(VIP));
    let log = scene.running.as_ref().map(Running::stderr).unwrap_or_default();
    assert!(log.contains("(VI_1) received an invalid passwd"), "{log}");
}

#[test]
fn a_reload_moves_only_what_differs_and_counts_go_on() {
    let scene = Scene::master(&instance("VI_1", 51, &[VIP], ""));
    scene.signal(Signal::HUP);
    sleep(Duration::from_millis(1_500));
    scene.speaker.write(CONFIGURATION, instance("VI_1", 51, &[VIP, OTHER], "")).unwrap();
    let since = Instant::now();
    scene.signal(Signal::HUP);
    scene.wait(|scene| scene.has(OTHER));
    scene.wait(|scene| !scene.announcements(OTHER).is_empty());
    scene.speaker.write(CONFIGURATION, instance("VI_1", 51, &[VIP], "")).unwrap();
    scene.signal(Signal::HUP);
    scene.wait(|scene| !scene.has(OTHER));
    assert!(scene.has(VIP));
    assert_eq!(scene.zeros(), 0);
    sleep(Duration::from_millis(1_200));
    let adverts: Vec<Instant> = scene.adverts().iter().map(|(at, _, _)| *at).collect();
    let silences = adverts.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(silences.max() < Some(Duration::from_millis(1_500)), "{}", scene.watch.told(since));
    scene.signal(Signal::USR2);
    scene.wait(|scene| scene.speaker.read("/tmp/keepalived.stats").is_ok_and(|text| text.contains("Sent: 0\n")));
    let stats = scene.speaker.read("/tmp/keepalived.stats").unwrap();
    assert!(stats.starts_with("VRRP Instance: VI_1\n  Advertisements:\n    Received: 0\n    Sent: "), "{stats}");
    assert!(stats.contains("  Became master: 1\n  Released master: 0\n  Packet Errors:\n    Length: 0\n"), "{stats}");
}

/// keepalived's new process removes the address and begins as backup; it is moved to the peer and back.
#[test]
fn a_killed_process_is_replaced_without_the_address_moving() {
    if on_original() {
        return;
    }
    let scene = Scene::master(&instance("VI_1", 51, &[VIP], ""));
    let since = Instant::now();
    let inner: i32 = scene.speaker.read("/run/vrrp.pid").unwrap().trim().parse().unwrap();
    let processes = scene.speaker.processes().unwrap();
    let speaker = processes.iter().find(|process| process.inner == inner).unwrap();
    kill_process(speaker.pid, Signal::KILL).unwrap();
    while since.elapsed() < Duration::from_secs(3) {
        assert!(scene.has(VIP), "{}", scene.watch.told(since));
        sleep(Duration::from_millis(20));
    }
    let adverts: Vec<Instant> = scene.adverts().iter().map(|(at, _, _)| *at).collect();
    assert!(within(&adverts, since, 0, 1_500) >= 2, "{}", scene.watch.told(since));
    assert_eq!(scene.zeros(), 0);
    assert!(!scene.announcements(VIP).is_empty());
}

/// keepalived looks at its clock first and becomes master until the next advert comes.
#[test]
fn a_backup_that_was_kept_from_running_has_heard_what_was_said() {
    if on_original() {
        return;
    }
    let mut scene = Scene::new(&instance("VI_1", 51, &[VIP], ""));
    scene.start();
    let say_on = |seconds: u32| {
        for _ in 0..seconds {
            scene.say(51, 200, &[VIP]);
            sleep(Duration::from_secs(1));
        }
    };
    say_on(2);
    scene.speaker.signal_all("keepalived", Signal::STOP).unwrap();
    say_on(5);
    scene.speaker.signal_all("keepalived", Signal::CONT).unwrap();
    say_on(2);
    assert!(scene.adverts().is_empty(), "{:?}", scene.adverts());
    scene.wait(|scene| scene.has(VIP));
}
