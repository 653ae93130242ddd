//! How fast a backup takes over, beside keepalived itself: pairs of all four casts live side by side, and the same
//! thing befalls their masters at the same time, again and again. `RKEEP_ROUNDS` says how often (12 for the record).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::{Event, INTERFACE, Lan, Node, Running, Subject, Watch, eventually, mac};
use rkeep_compat_tests::prober::Prober;
use rkeep_compat_tests::rkeep;
use rustix::process::Signal;

const DIRECTORS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 3, 1), Ipv4Addr::new(192, 168, 3, 2)];
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 101);
const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 253);
const PRIORITIES: [u8; 2] = [100, 90];
/// How far a median may be from keepalived's own, milliseconds, in a measurement: `RKEEP_ROUNDS=12` on a quiet machine.
const MARGIN: f64 = 10.0;
/// The same in a test on a machine that has other work.
const GENEROUS: f64 = 300.0;
const PING_EVERY: Duration = Duration::from_millis(2);

/// The article's instance.
fn configuration(priority: u8) -> String {
    format!(
        "vrrp_instance VI_1 {{\n    state BACKUP\n    interface {INTERFACE}\n    virtual_router_id 51\n    \
         priority {priority}\n    advert_int 1\n    authentication {{\n        auth_type PASS\n        \
         auth_pass 1111\n    }}\n    virtual_ipaddress {{\n        {VIP}\n    }}\n}}\n"
    )
}

struct Pair {
    name: &'static str,
    boxes: [Node; 2],
    running: [Option<Running>; 2],
    cast: [Subject; 2],
    watch: Watch,
    _prober: Prober,
    _client: Node,
    _lan: Lan,
}

impl Pair {
    fn new(name: &'static str, cast: [Subject; 2]) -> Pair {
        let lan = Lan::new().unwrap();
        let boxes = [0, 1].map(|which| {
            let node = Node::new(&format!("d{}", which + 1), "", &[cast[which].as_keepalived()]).unwrap();
            lan.plug(&node, &[DIRECTORS[which]]).unwrap();
            node.write("/etc/keepalived/keepalived.conf", configuration(PRIORITIES[which])).unwrap();
            node
        });
        let client = Node::new("client", "", &[]).unwrap();
        lan.plug(&client, &[CLIENT]).unwrap();
        let watch = Watch::urgent(&client).unwrap();
        let prober = Prober::start(&client, VIP, PING_EVERY);
        let running = [None, None];
        let mut pair = Pair { name, boxes, running, cast, watch, _prober: prober, _client: client, _lan: lan };
        pair.start(0);
        pair.start(1);
        pair
    }

    fn start(&mut self, which: usize) {
        if let Some(ended) = self.running[which].take() {
            ended.wait(Duration::from_secs(5)).unwrap();
        }
        self.running[which] = Some(self.boxes[which].start(&self.cast[which].keepalived()).unwrap());
    }

    fn is_settled(&self) -> bool {
        let owns = |which: usize| self.boxes[which].addresses().unwrap().contains(&VIP);
        owns(0) && !owns(1) && self.watch.master(Duration::from_secs(2)) == Some(DIRECTORS[0])
    }

    fn settle(&self) {
        assert!(eventually(Duration::from_secs(15), || self.is_settled()), "{}: {}", self.name, self.log());
        // Both second bursts of announcements are over.
        sleep(Duration::from_millis(200));
    }

    fn log(&self) -> String {
        let log = |running: &Option<Running>| running.as_ref().map(|it| it.stderr()).unwrap_or_default();
        self.running.iter().map(log).collect::<Vec<_>>().join("\n---\n")
    }

    fn befall(&mut self, what: Fault) {
        let node = &self.boxes[0];
        match what {
            Fault::Crash => drop(node.crash("keepalived").unwrap()),
            Fault::Stop => self.running[0].as_ref().unwrap().signal(Signal::TERM).unwrap(),
        };
    }

    /// Milliseconds from the old master's last advert to the new one's first, and from there to its first answer.
    fn measure(&self, since: Instant) -> [f64; 2] {
        let from =
            |wanted: Ipv4Addr| move |event: &Event| matches!(event, Event::Advert { from, .. } if *from == wanted);
        let answers = |event: &Event| matches!(event, Event::Echo { mac: who, .. } if *who == mac(DIRECTORS[1]));
        let (first, _) = self.watch.first(since, from(DIRECTORS[1])).expect("the backup took over");
        let (last, _) = self.watch.last(first, from(DIRECTORS[0])).expect("there was a master");
        let (answer, _) = self.watch.first(first, answers).expect("the backup answers");
        [first - last, answer - first].map(|time| time.as_secs_f64() * 1e3)
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        // A box ends only once nobody in it is left to be waited for.
        for (node, running) in self.boxes.iter().zip(&mut self.running) {
            let _ = node.crash("keepalived");
            let _ = running.take().map(|running| running.wait(Duration::from_secs(5)));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Crash,
    Stop,
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn compare(what: Fault, rounds: usize) {
    let [original, rkeep] = [Subject::Original, rkeep()];
    let mut pairs = [
        Pair::new("keepalived, keepalived", [original.clone(), original.clone()]),
        Pair::new("rkeep, rkeep", [rkeep.clone(), rkeep.clone()]),
        Pair::new("keepalived, rkeep", [original.clone(), rkeep.clone()]),
        Pair::new("rkeep, keepalived", [rkeep, original]),
    ];
    let mut figures: [Vec<[f64; 2]>; 4] = Default::default();
    for round in 0..rounds {
        pairs.iter().for_each(Pair::settle);
        // Anywhere between two adverts.
        sleep(Duration::from_millis(round as u64 * 370 % 1000));
        let since = Instant::now();
        pairs.iter_mut().for_each(|pair| pair.befall(what));
        sleep(Duration::from_millis(4_200));
        for (pair, figures) in pairs.iter_mut().zip(&mut figures) {
            figures.push(pair.measure(since));
            pair.start(0);
        }
    }
    judge(what, &pairs, &figures);
}

fn judge(what: Fault, pairs: &[Pair; 4], figures: &[Vec<[f64; 2]>; 4]) {
    let medians = figures.each_ref().map(|all| [0, 1].map(|of| median(all.iter().map(|one| one[of]).collect())));
    for ((pair, [adverts, answer]), all) in pairs.iter().zip(medians).zip(figures) {
        let (name, rounds) = (pair.name, all.len());
        println!(
            "{what:?} ({name}): advert to advert {adverts:.1} ms, first answer {answer:.1} ms, median of {rounds}"
        );
    }
    let [keepalived, others @ ..] = medians;
    for (pair, figures) in pairs[1..].iter().zip(others) {
        let margin = if std::env::var_os("RKEEP_ROUNDS").is_some() { MARGIN } else { GENEROUS };
        for (ours, theirs) in figures.into_iter().zip(keepalived) {
            let slower = ours - theirs;
            assert!(slower <= margin, "{what:?} ({}): {ours:.1} ms, keepalived's own {theirs:.1} ms", pair.name);
        }
    }
}

fn rounds() -> usize {
    std::env::var("RKEEP_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

#[test]
fn takes_over_as_fast_as_keepalived_does() {
    compare(Fault::Crash, rounds());
    compare(Fault::Stop, rounds());
}
