//! Two masters at once: `rkeep status` and the log say why, and hosts are told the place again once it has ended.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::{Running, eventually};
use rkeep_compat_tests::speaker::{OTHER, Pen, Scene, VIP, Words, instance};
use rkeep_compat_tests::{not_asked, on_original};

/// Longer than a trouble lasts without a sign, and to be named.
const SOON: Duration = Duration::from_secs(10);

/// A scene whose speaker is master; none where the original would be asked for what it does not say.
fn master() -> Option<Scene> {
    if on_original() {
        not_asked("it does not say why there are two masters");
        return None;
    }
    Some(Scene::master(&instance("VI_1", 51, &[VIP], "")))
}

/// While this is done every 300 ms, the status names a trouble with these words; afterwards it ends, and the address is
/// announced again.
fn is_named(scene: &Scene, words: &[&str], sign: impl Fn(&Scene)) {
    let named = || {
        sign(scene);
        sleep(Duration::from_millis(300));
        let status = scene.status();
        status.contains("SPLIT BRAIN") && words.iter().all(|word| status.contains(word))
    };
    assert!(eventually(SOON, named), "{words:?}\n{}\n{}", scene.status(), log(scene));
    assert!(scene.has(VIP));
    let lines = log(scene).lines().filter(|line| line.contains("split brain:")).count();
    assert!(lines <= 3, "{}", log(scene));
}

/// It ends, and the address is announced again.
fn ends(scene: &Scene) {
    let since = Instant::now();
    assert!(eventually(SOON, || !scene.status().contains("SPLIT BRAIN")), "{}\n{}", scene.status(), log(scene));
    assert!(log(scene).contains("(VI_1) split brain has ended"), "{}", log(scene));
    assert!(scene.announcements(VIP).iter().any(|at| *at > since), "no announcement");
}

fn log(scene: &Scene) -> String {
    scene.running.as_ref().map(Running::stderr).unwrap_or_default()
}

fn says(scene: &Scene, words: Words, addresses: &[Ipv4Addr]) {
    let packet = words.packet(addresses);
    scene.peer.within(move || Pen::new()?.write(&packet)).unwrap();
}

fn shell(node: &rkeep::rehearse::Node, command: &str) {
    let ended = node.shell(command).unwrap();
    assert_eq!(ended.code(), Some(0), "{command}: {}{}", ended.stdout, ended.stderr);
}

#[test]
fn another_password_and_other_addresses() {
    let Some(scene) = master() else { return };
    let words = Words { password: *b"2222\0\0\0\0", ..Words::default() };
    is_named(&scene, &["192.168.3.11 is master too", "invalid passwd"], |scene| says(scene, words, &[VIP]));
    ends(&scene);
    let other = ["only there 192.168.3.252", "only here 192.168.3.253", "a stranger's"];
    is_named(&scene, &other, |scene| says(scene, words, &[OTHER]));
    ends(&scene);
}

#[test]
fn a_stranger_with_the_number() {
    let Some(scene) = master() else { return };
    // One with our password: its adverts count, so it is only a nuisance as long as its priority is lower.
    let words = Words { priority: 90, ..Words::default() };
    let named = ["virtual_router_id 51 is used by a stranger, 192.168.3.11", "192.168.3.252"];
    is_named(&scene, &named, |scene| says(scene, words, &[OTHER]));
    ends(&scene);
}

#[test]
fn one_that_does_not_hear() {
    let Some(scene) = master() else { return };
    let words = Words { priority: 90, ..Words::default() };
    let last = std::cell::Cell::new(Instant::now());
    is_named(&scene, &["priority 90, and does not yield"], |scene| {
        if last.get().elapsed() > Duration::from_millis(900) {
            last.set(Instant::now());
            says(scene, words, &[VIP]);
        }
    });
    ends(&scene);
}

#[test]
fn adverts_that_its_own_filter_keeps_in() {
    let Some(scene) = master() else { return };
    shell(&scene.speaker, "nft add table ip t && nft 'add chain ip t o { type filter hook output priority 0; }'");
    shell(&scene.speaker, "nft add rule ip t o ip protocol 112 drop");
    is_named(&scene, &["no advert leaves this box", "packet filter"], |_| {});
    shell(&scene.speaker, "nft delete table ip t");
    ends(&scene);
}

/// The peer holds the address too, and sends adverts as a master would, or does not.
struct Rival {
    stop: Arc<AtomicBool>,
    task: Option<rkeep::rehearse::Task<()>>,
}

impl Rival {
    fn new(scene: &Scene, adverts: bool) -> Rival {
        scene.peer.readdress(VIP, 32, true).unwrap();
        let stop = Arc::new(AtomicBool::new(!adverts));
        let end = Arc::clone(&stop);
        let packet = Words::default().packet(&[VIP]);
        let task = scene.peer.thread(move || {
            let pen = Pen::new().unwrap();
            while !end.load(Ordering::Relaxed) {
                let _ = pen.write(&packet);
                sleep(Duration::from_millis(500));
            }
        });
        // Asks for a third box in its name, which everybody hears.
        let ask = || std::net::UdpSocket::bind((VIP, 0))?.send_to(b"?", (Ipv4Addr::new(192, 168, 3, 77), 9));
        scene.peer.within(ask).unwrap();
        Rival { stop, task: Some(task.unwrap()) }
    }

    fn leaves(mut self, scene: &Scene) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.take().unwrap().join().unwrap();
        scene.peer.readdress(VIP, 32, false).unwrap();
    }
}

#[test]
fn adverts_that_its_own_filter_keeps_out() {
    let Some(scene) = master() else { return };
    shell(&scene.speaker, "nft add table ip t && nft 'add chain ip t i { type filter hook input priority 0; }'");
    shell(&scene.speaker, "nft add rule ip t i ip protocol 112 drop");
    let rival = Rival::new(&scene, true);
    is_named(&scene, &["192.168.3.11 is master too: its adverts come", "packet filter"], |_| {});
    rival.leaves(&scene);
    ends(&scene);
}

#[test]
fn a_foreign_mac_answers_and_no_advert_comes() {
    let Some(scene) = master() else { return };
    let rival = Rival::new(&scene, false);
    is_named(&scene, &["a foreign MAC 02:00:c0:a8:03:0b answers for 192.168.3.253", "dropped on the way"], |_| {});
    rival.leaves(&scene);
    ends(&scene);
}

#[test]
fn the_usual_change_of_masters_is_no_trouble() {
    let Some(scene) = master() else { return };
    for _ in 0..2 {
        says(&scene, Words::default(), &[VIP]);
        scene.wait(|scene| !scene.has(VIP));
        scene.wait(|scene| scene.has(VIP));
        sleep(Duration::from_secs(2));
    }
    assert!(!log(&scene).contains("split brain"), "{}", log(&scene));
}
