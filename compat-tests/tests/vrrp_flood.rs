//! Tens of thousands of bad adverts a second: the address stays where it is, and no more than one core is busy with them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::watch::URGENT;
use rkeep::rehearse::{Node, Running, Task};
use rkeep::sys::schedule::real_time;
use rkeep_compat_tests::speaker::{OTHER, Pen, Scene, VIP, Words, instance};
use rkeep_compat_tests::{busy, not_asked, on_original};

/// How many a second.
const RATE: u64 = 50_000;
/// For how long.
const LENGTH: Duration = Duration::from_secs(8);

/// Adverts that must not count, of many kinds and senders, and one that counts and changes nothing: a lower master's.
fn bad() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for last in 20..120 {
        let words = Words { source: Ipv4Addr::new(192, 168, 3, last), priority: 200, ..Words::default() };
        all.push(Words { password: *b"2222\0\0\0\0", ..words }.packet(&[VIP]));
        all.push(Words { hops: 64, ..words }.packet(&[VIP]));
        all.push(Words { vrid: 52, ..words }.packet(&[VIP]));
        all.push(Words { password: *b"3333\0\0\0\0", ..words }.packet(&[OTHER]));
        let mut broken = words.packet(&[VIP]);
        // The checksum of the advert, behind the header.
        broken[26] ^= 0x55;
        all.push(broken);
        let mut short = words.packet(&[VIP]);
        short.truncate(36);
        all.push(short);
    }
    all.push(Words { priority: 50, ..Words::default() }.packet(&[VIP]));
    all
}

/// Writes them as evenly as it can until it is told to stop.
struct Flood {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    task: Task<()>,
}

impl Flood {
    fn from(node: &Node) -> Flood {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (end, count) = (Arc::clone(&stop), Arc::clone(&written));
        let task = node.thread(move || {
            // On a busy machine, too. Without the right to it, the rate shows.
            let _ = real_time(URGENT);
            let (pen, packets, start) = (Pen::new().unwrap(), bad(), Instant::now());
            for packet in packets.iter().cycle() {
                let sent = count.fetch_add(1, Ordering::Relaxed);
                let _ = pen.write(packet);
                let due = Duration::from_nanos(sent * 1_000_000_000 / RATE);
                let early = due.saturating_sub(start.elapsed());
                if early > Duration::from_millis(1) {
                    sleep(early);
                }
                if end.load(Ordering::Relaxed) {
                    return;
                }
            }
        });
        Flood { stop, written, task: task.unwrap() }
    }

    /// Ends it; how many a second there were.
    fn end(self, since: Instant) -> u64 {
        let rate = self.written.load(Ordering::Relaxed) as f64 / since.elapsed().as_secs_f64();
        self.stop.store(true, Ordering::Relaxed);
        self.task.join().unwrap();
        rate as u64
    }
}

fn log(scene: &Scene) -> String {
    scene.running.as_ref().map(Running::stderr).unwrap_or_default()
}

/// Floods a speaker and asks all along. Returns by how many cores it was kept busy.
fn flooded(scene: &Scene, all_along: impl Fn(&Scene)) -> f64 {
    let (lines, before, since) =
        (log(scene).lines().count(), busy(&scene.speaker, "keepalived").unwrap(), Instant::now());
    let flood = Flood::from(&scene.peer);
    while since.elapsed() < LENGTH {
        sleep(Duration::from_millis(100));
        all_along(scene);
    }
    let used = busy(&scene.speaker, "keepalived").unwrap() - before;
    let cores = used.as_secs_f64() / since.elapsed().as_secs_f64();
    let (rate, lines) = (flood.end(since), log(scene).lines().count() - lines);
    println!("{rate} adverts a second: {cores:.2} cores, {lines} lines of log");
    assert!(rate > RATE / 2, "only {rate} a second were sent");
    assert!(lines < 5_000, "{lines} lines of log");
    cores
}

/// One flood at a time: each needs most of a core to send, and real-time priority for it.
fn alone() -> Option<MutexGuard<'static, ()>> {
    static TURN: Mutex<()> = Mutex::new(());
    if on_original() {
        not_asked("the limits on what a flood costs are rkeep's own");
        return None;
    }
    Some(TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

#[test]
fn a_master_stays_master() {
    let Some(_alone) = alone() else { return };
    let scene = Scene::master(&instance("VI_1", 51, &[VIP], ""));
    sleep(Duration::from_secs(1));
    let since = Instant::now();
    let cores = flooded(&scene, |scene| assert!(scene.has(VIP), "{}", log(scene)));
    let heard: Vec<Instant> = scene.adverts().into_iter().map(|(at, ..)| at).filter(|at| *at > since).collect();
    let gap = heard.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(gap < Duration::from_millis(1_500), "{gap:?} without an advert");
    assert!(cores <= 1.0, "{cores:.2} cores");
}

#[test]
fn a_backup_stays_backup() {
    let Some(_alone) = alone() else { return };
    let mut scene = Scene::new(&instance("VI_1", 51, &[VIP], ""));
    let stop = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&stop);
    let packet = Words { priority: 150, ..Words::default() }.packet(&[VIP]);
    let master = scene.peer.thread(move || {
        let pen = Pen::new().unwrap();
        while !end.load(Ordering::Relaxed) {
            pen.write(&packet).unwrap();
            sleep(Duration::from_secs(1));
        }
    });
    scene.start();
    scene.wait(|scene| log(scene).contains("BACKUP STATE"));
    let cores = flooded(&scene, |scene| assert!(!scene.has(VIP), "{}", log(scene)));
    stop.store(true, Ordering::Relaxed);
    master.unwrap().join().unwrap();
    assert!(cores <= 1.0, "{cores:.2} cores");
}
