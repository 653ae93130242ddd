//! The article's `virtual_server`: clients of the virtual address reach both directors' nginx in turn, each stays with
//! one of them, and the death of a real server is mailed. The originals need IPVS in the kernel for all of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::{Duration, Instant};

use rkeep::rehearse::cluster::{CLIENTS, DIRECTORS, VIP, WEBS};
use rkeep::rehearse::http::Target;
use rkeep::rehearse::{Cast, Cluster, Files, Mail, Running, Server, eventually};
use rkeep_compat_tests::{kernel_balances, not_asked, on_original, subject};
use rustix::process::Signal;

/// delay_loop 6, one retry after 3, and room for a busy machine.
const NOTICED: Duration = Duration::from_secs(30);

struct Whole {
    cluster: Cluster,
    keepalived: [Running; 2],
}

/// The cluster with everything running; nothing where the originals lack IPVS.
fn running(files: &Files) -> Option<Whole> {
    if on_original() && !kernel_balances() {
        not_asked("this kernel has no IPVS");
        return None;
    }
    let cluster = Cluster::build(&Cast::all(&subject()), files).unwrap();
    cluster.directors.iter().for_each(|director| director.start_nginx().unwrap());
    let keepalived = [0, 1].map(|which| cluster.directors[which].start_keepalived().unwrap());
    let all = Whole { cluster, keepalived };
    let target = Target::new(VIP).limit(Duration::from_secs(1));
    let answers = || all.cluster.owner() == Some(0) && all.cluster.client.within(move || target.get("/")).is_ok();
    assert!(eventually(Duration::from_secs(15), answers), "{}", all.logs());
    Some(all)
}

impl Whole {
    fn logs(&self) -> String {
        self.keepalived.each_ref().map(Running::stderr).concat()
    }

    /// How many requests each director's nginx has logged, once it has logged all that were answered.
    fn settled(&self) -> [usize; 2] {
        let count = || self.cluster.directors.each_ref().map(Server::requests);
        let mut last = count();
        eventually(Duration::from_secs(5), || {
            std::thread::sleep(Duration::from_millis(100));
            std::mem::replace(&mut last, count()) == last
        });
        last
    }

    /// Which director's nginx answered that many GETs of a client; fails when it was not one alone.
    fn served_by(&self, client: usize, count: usize) -> usize {
        let before = self.settled();
        let target = Target::new(VIP).from(CLIENTS[client]);
        let tally = self.cluster.client.within(move || Ok(target.get_many("/", count))).unwrap();
        assert_eq!(tally.failed(), 0, "{tally:?}\n{}", self.logs());
        let by = || {
            let after = self.cluster.directors.each_ref().map(Server::requests);
            [after[0] - before[0], after[1] - before[1]]
        };
        assert!(eventually(Duration::from_secs(5), || by().iter().sum::<usize>() == count), "{:?}", by());
        by().iter().position(|share| *share == count).unwrap_or_else(|| panic!("client {client}: {:?}", by()))
    }

    /// Waits for a mail of that subject newer than a moment.
    fn mailed(&self, since: Instant, subject: &str) -> Mail {
        let found = || self.cluster.mail.mails().into_iter().find(|mail| mail.at >= since && mail.subject() == subject);
        assert!(
            eventually(NOTICED, || found().is_some()),
            "no mail {subject:?} among {:?}\n{}",
            self.cluster.mail.subjects(),
            self.logs()
        );
        found().unwrap()
    }
}

#[test]
fn clients_go_to_both_directors_in_turn_and_stay_for_fifty_seconds() {
    let Some(all) = running(&Files::balanced()) else { return };
    let homes: Vec<_> = (0..CLIENTS.len()).map(|client| all.served_by(client, 5)).collect();
    assert_eq!(homes.iter().filter(|home| **home == 0).count(), 2, "{homes:?}");
    // Each later connection begins the fifty seconds anew, so they must hold from first to last.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(48) {
        std::thread::sleep(Duration::from_secs(12));
        for (client, home) in homes.iter().enumerate() {
            assert_eq!(all.served_by(client, 1), *home, "client {client} after {:?}", start.elapsed());
        }
    }
}

#[test]
fn the_death_of_a_directors_nginx_is_mailed_and_its_return() {
    let Some(all) = running(&Files::article()) else { return };
    let subject = |verdict: &str| {
        format!("[LVS_DEVEL] Realserver [{}]:tcp:80 of virtual server [{VIP}]:tcp:80 - {verdict}", DIRECTORS[1])
    };
    let death = Instant::now();
    assert!(all.cluster.directors[1].node.signal_all("nginx", Signal::TERM).unwrap() > 0);
    let mail = all.mailed(death, &subject("DOWN"));
    assert_eq!((mail.from.as_str(), mail.to.join(" ").as_str()), ("<root@linuxzen.com>", "<cold_night@linuxzen.com>"));
    assert!(mail.data.contains("=> TCP CHECK failed on service <="), "{}", mail.data);
    (0..4).for_each(|client| assert_eq!(all.served_by(client, 3), 0));
    let birth = Instant::now();
    all.cluster.directors[1].start_nginx().unwrap();
    let mail = all.mailed(birth, &subject("UP"));
    assert!(mail.data.contains("=> TCP CHECK succeed on service <="), "{}", mail.data);
}

/// keepalived's new checkers believe that all is well, and mail again what the dead ones have mailed.
#[test]
fn checkers_that_follow_dead_ones_mail_nothing_again() {
    if on_original() {
        not_asked("it mails again");
        return;
    }
    let Some(all) = running(&Files::article()) else { return };
    let mails = |verdict: &str| {
        let about = format!("Realserver [{}]:tcp:80 of virtual server [{VIP}]:tcp:80 - {verdict}", DIRECTORS[1]);
        all.cluster.mail.subjects().iter().filter(|subject| subject.ends_with(&about)).count()
    };
    assert!(all.cluster.directors[1].node.signal_all("nginx", Signal::TERM).unwrap() > 0);
    assert!(eventually(NOTICED, || mails("DOWN") == 2), "both boxes mail: {}", all.logs());
    let node = &all.cluster.directors[0].node;
    let checkers = || node.read("/run/checkers.pid").unwrap_or_default();
    let dead = checkers();
    node.shell(&format!("kill -KILL {dead}")).unwrap();
    assert!(eventually(NOTICED, || !checkers().is_empty() && checkers() != dead), "{}", all.logs());
    // delay_loop, and one retry.
    std::thread::sleep(Duration::from_secs(12));
    assert_eq!(mails("DOWN"), 2, "{}", all.logs());
    all.cluster.directors[1].start_nginx().unwrap();
    assert!(eventually(NOTICED, || mails("UP") == 2), "{}", all.logs());
}

#[test]
fn the_death_of_a_web_server_is_mailed_when_it_is_a_real_server() {
    let mut files = Files::article();
    let real = WEBS.map(|web| {
        format!(
            "    real_server {web} 80 {{\n        TCP_CHECK {{\n            connect_timeout 3\n        }}\n    }}\n"
        )
    });
    let service = format!(
        "virtual_server {VIP} 8080 {{\n    delay_loop 2\n    lb_algo rr\n    lb_kind NAT\n    protocol TCP\n{}}}\n",
        real.concat()
    );
    files.keepalived.iter_mut().for_each(|file| *file += &service);
    let Some(all) = running(&files) else { return };
    let subject = |verdict: &str| {
        format!("[LVS_DEVEL] Realserver [{}]:tcp:80 of virtual server [{VIP}]:tcp:8080 - {verdict}", WEBS[2])
    };
    let death = Instant::now();
    assert!(all.cluster.webs[2].node.signal_all("nginx", Signal::TERM).unwrap() > 0);
    all.mailed(death, &subject("DOWN"));
    let target = Target { to: (VIP, 8080).into(), ..Target::new(VIP) };
    let tally = all.cluster.client.within(move || Ok(target.get_many("/", 20))).unwrap();
    assert_eq!((tally.of("server1"), tally.of("server2"), tally.failed()), (10, 10, 0), "{tally:?}");
    let birth = Instant::now();
    all.cluster.webs[2].start_nginx().unwrap();
    all.mailed(birth, &subject("UP"));
}

/// How long the mail server is away: 15 seconds unless `RKEEP_MAIL_AWAY` says otherwise.
fn away() -> Duration {
    let asked = std::env::var("RKEEP_MAIL_AWAY").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(asked.unwrap_or(15))
}

#[test]
fn a_mail_waits_for_its_server_and_comes_once() {
    let Some(all) = running(&Files::article()) else { return };
    let subject = format!("[LVS_DEVEL] Realserver [{}]:tcp:80 of virtual server [{VIP}]:tcp:80 - DOWN", DIRECTORS[1]);
    let death = Instant::now();
    all.cluster.mail.set_open(false);
    assert!(all.cluster.directors[1].node.signal_all("nginx", Signal::TERM).unwrap() > 0);
    let said = || all.logs().contains(&format!("Removing service [{}]:tcp:80 from VS", DIRECTORS[1]));
    assert!(eventually(NOTICED, said), "{}", all.logs());
    std::thread::sleep(away());
    assert_eq!(all.cluster.mail.subjects(), Vec::<String>::new());
    all.cluster.mail.set_open(true);
    let back = Instant::now();
    let came = || all.cluster.mail.mails().iter().filter(|mail| mail.at >= death && mail.subject() == subject).count();
    // Both directors check, so each has a mail to send.
    assert!(eventually(Duration::from_secs(90), || came() == 2), "{:?}\n{}", all.cluster.mail.subjects(), all.logs());
    println!("the last of the two mails came {:?} after the server", back.elapsed());
    std::thread::sleep(Duration::from_secs(10));
    assert_eq!(came(), 2, "{:?}", all.cluster.mail.subjects());
}
