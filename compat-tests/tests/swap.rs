//! `rkeep swap-in` and `swap-out` on a box where both originals are installed as packages and run: somebody answers all the
//! time, and files and diversions come back byte for byte, even when the swap is killed at any of its steps.
//!
//! `RKEEP_DEBIAN` names a Debian in which they are installed, with strace and nftables (of debootstrap, say); without it the
//! machine's own programs and a small package database stand in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Ipv4Addr;
use std::time::Duration;

use rkeep::rehearse::http::Target;
use rkeep::rehearse::{Ended, Load, Node, Placed, Subject, eventually};
use rkeep_compat_tests::rkeep;
use rustix::process::Signal;

const SOON: Duration = Duration::from_secs(20);
const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 253);
const RKEEP: &str = "/usr/local/sbin/rkeep";

/// Debian's own files of these two packages are enough for dpkg.
const STATUS: &str = "\
Package: nginx\nStatus: install ok installed\nMaintainer: x\nArchitecture: all\nVersion: 1\nDescription: x\n\n\
Package: keepalived\nStatus: install ok installed\nMaintainer: x\nArchitecture: all\nVersion: 1\nDescription: x\n\n";

const NGINX_CONF: &str = "pid /run/nginx.pid;\nerror_log /var/log/nginx/error.log notice;\nevents {}\nhttp {\n  access_log off;\n  server {\n    listen 80;\n    \
                          location / { return 200 page; }\n  }\n}\n";

const KEEPALIVED_CONF: &str = "vrrp_instance VI_1 {\n  state MASTER\n  interface eth0\n  virtual_router_id 51\n  \
                               priority 255\n  advert_int 1\n  virtual_ipaddress {\n    192.168.3.253\n  }\n}\n";

/// A box in which both originals are installed as packages and run.
fn node(name: &str) -> Node {
    let Subject::Rkeep(program) = rkeep() else { unreachable!() };
    let node = Node::new(name, "127.0.0.1 localhost\n", &[Placed { from: program, to: RKEEP.into() }]).unwrap();
    let start = match std::env::var_os("RKEEP_DEBIAN") {
        Some(tree) => {
            enter(&node, &tree.to_string_lossy());
            "/etc/init.d/nginx start && /etc/init.d/keepalived start"
        }
        None => {
            imitate(&node);
            "/usr/sbin/nginx && /usr/sbin/keepalived"
        }
    };
    let link = "ip link set lo up && ip link add eth0 type veth peer name far && ip addr add 192.168.3.1/24 dev eth0 \
                && ip link set eth0 up && ip link set far up";
    run(&node, link);
    node.write("/etc/nginx/nginx.conf", NGINX_CONF).unwrap();
    node.write("/etc/keepalived/keepalived.conf", KEEPALIVED_CONF).unwrap();
    run(&node, start);
    assert!(eventually(SOON, || answers(&node, VIP)), "the originals do not serve");
    node
}

/// The machine's own programs under an overlay, and a small package database that owns them.
fn imitate(node: &Node) {
    run(
        node,
        "mkdir -p /tmp/up /tmp/work && mount -t overlay overlay -o lowerdir=/usr/sbin,upperdir=/tmp/up,workdir=/tmp/work /usr/sbin",
    );
    run(
        node,
        "mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates /var/log/nginx /var/lib/nginx && touch /var/lib/dpkg/diversions /var/lib/dpkg/available",
    );
    node.write("/var/lib/dpkg/status", STATUS).unwrap();
    for package in ["nginx", "keepalived"] {
        let list = format!("/.\n/usr\n/usr/sbin\n/usr/sbin/{package}\n");
        node.write(format!("/var/lib/dpkg/info/{package}.list"), list).unwrap();
    }
}

/// A whole Debian under an overlay is all that the box has from now on.
fn enter(node: &Node, tree: &str) {
    let line = format!(
        "mkdir -p /tmp/up /tmp/work /tmp/root && mount -t overlay overlay -o \
         lowerdir={tree},upperdir=/tmp/up,workdir=/tmp/work /tmp/root && cd /tmp/root && mount -t proc proc proc && \
         mount -t tmpfs tmpfs run && mount --rbind /dev dev && mkdir -p usr/local/sbin && touch .{RKEEP} && \
         mount --bind {RKEEP} .{RKEEP}"
    );
    run(node, &line);
    node.within(|| {
        rustix::process::chroot("/tmp/root")?;
        std::env::set_current_dir("/")
    })
    .unwrap();
}

fn run(node: &Node, line: &str) -> Ended {
    let ended = node.shell(line).unwrap();
    let log = || node.read("/var/log/nginx/error.log").unwrap_or_default();
    assert_eq!(ended.code(), Some(0), "{line}: {ended:?}\n{}", log());
    ended
}

fn answers(node: &Node, address: Ipv4Addr) -> bool {
    let target = Target::new(address).limit(Duration::from_secs(5));
    node.within(move || target.get("/")).is_ok_and(|reply| reply.text() == "page")
}

/// What must come back: the files with all that `stat` says of them but their place on the disk, and the diversions.
fn state(node: &Node) -> String {
    let line = "cd /usr/sbin && sha256sum *nginx* *keepalived* && stat -c '%n %a %u %g %s %y' *nginx* *keepalived* && \
                cat /var/lib/dpkg/diversions && dpkg-query --search /usr/sbin/nginx && ls /var/lib/rkeep";
    node.shell(&format!("mkdir -p /var/lib/rkeep; {line}")).unwrap().stdout
}

/// Whether the process in a pid file runs rkeep.
fn ours(node: &Node, pid_file: &str) -> bool {
    node.shell(&format!("cmp -s /proc/$(cat {pid_file})/exe {RKEEP}")).unwrap().code() == Some(0)
}

fn swapped(node: &Node) -> [bool; 2] {
    ["/run/nginx.pid", "/run/keepalived.pid"].map(|file| ours(node, file))
}

fn swap(node: &Node, word: &str) -> Ended {
    run(node, &format!("{RKEEP} {word}"))
}

#[test]
fn rkeep_is_swapped_in_and_out_while_the_originals_serve() {
    let node = node("swap");
    let before = state(&node);
    let shown = swap(&node, "swap-in --dry-run").stdout;
    assert!(shown.contains("will divert /usr/sbin/nginx of package nginx to /usr/sbin/nginx.distrib\n"), "{shown}");
    assert_eq!(state(&node), before);
    let load = |address| Load::start(&node, Target::new(address), "/", Duration::from_millis(2)).unwrap();
    let (own, vip) = (load(Ipv4Addr::LOCALHOST), load(VIP));
    swap(&node, "swap-in");
    assert_eq!(swapped(&node), [true, true]);
    let vip = vip.end().unwrap();
    assert!(vip.tally.failed() == 0 && vip.asked > 10, "{vip:?}");
    assert!(run(&node, "dpkg-divert --list").stdout.contains("/usr/sbin/keepalived to /usr/sbin/keepalived.distrib"));
    let status = swap(&node, "swap-status").stdout;
    assert!(status.contains("swapped in"), "{status}");
    assert!(swap(&node, "swap-in").stdout.contains("rkeep is in place"));
    swap(&node, "swap-out");
    assert_eq!(swapped(&node), [false, false]);
    assert!(eventually(SOON, || answers(&node, VIP)));
    let own = own.end().unwrap();
    assert!(own.tally.failed() == 0 && own.asked > 10, "{own:?}");
    assert_eq!(state(&node), before);
}

#[test]
fn an_error_in_a_file_changes_nothing() {
    let node = node("error");
    let before = state(&node);
    run(&node, "echo 'nonsense on;' >> /etc/nginx/nginx.conf");
    let refused = node.shell(&format!("{RKEEP} swap-in")).unwrap();
    assert_eq!(refused.code(), Some(2), "{refused:?}");
    assert!(refused.stdout.contains("nonsense"), "{refused:?}");
    assert_eq!(state(&node), before);
    assert_eq!(swapped(&node), [false, false]);
}

#[test]
fn only_what_is_installed_is_replaced() {
    let node = node("one");
    run(&node, "kill $(cat /run/nginx.pid) && rm /usr/sbin/nginx && : > /var/lib/dpkg/info/keepalived.list");
    let before = run(&node, "sha256sum /usr/sbin/keepalived").stdout;
    swap(&node, "swap-in");
    assert!(ours(&node, "/run/keepalived.pid"));
    assert_eq!(run(&node, "sha256sum < /usr/sbin/keepalived.orig").stdout[..64], before[..64]);
    assert_eq!(node.shell("ls /usr/sbin/nginx*; dpkg-divert --list '/usr/sbin/*'").unwrap().stdout, "");
    swap(&node, "swap-out");
    assert!(!ours(&node, "/run/keepalived.pid"));
    assert_eq!(run(&node, "sha256sum /usr/sbin/keepalived").stdout, before);
}

#[test]
fn what_does_not_answer_afterwards_is_put_back() {
    let node = node("mute");
    let conf = NGINX_CONF.replace("listen 80;", "listen 80; listen 8081;");
    node.write("/etc/nginx/nginx.conf", conf).unwrap();
    run(&node, "/usr/sbin/nginx -s reload");
    let before = state(&node);
    let mute = "nft add table ip mute && nft 'add chain ip mute in { type filter hook input priority 0; }' && \
                nft add rule ip mute in tcp dport 8081 drop";
    run(&node, mute);
    let load = Load::start(&node, Target::new(VIP), "/", Duration::from_millis(2)).unwrap();
    let failed = node.shell(&format!("{RKEEP} swap-in")).unwrap();
    assert_eq!(failed.code(), Some(1), "{failed:?}");
    assert!(failed.stderr.contains("nothing answers on 0.0.0.0:8081"), "{failed:?}");
    let load = load.end().unwrap();
    assert!(load.tally.failed() == 0 && load.asked > 10, "{load:?}");
    assert_eq!(swapped(&node), [false, false]);
    assert_eq!(state(&node), before);
}

/// A master does not hand over while the one before it is still there, be it for the moment between giving up its pid file
/// and its end.
#[test]
fn a_swap_waits_for_the_end_of_the_master_before() {
    let node = node("before");
    let pid = || node.read("/run/nginx.pid").unwrap_or_default();
    let first = pid();
    run(&node, "kill -USR2 $(cat /run/nginx.pid)");
    assert!(eventually(SOON, || !pid().is_empty() && pid() != first));
    run(&node, &format!("kill -WINCH {}; rm /run/nginx.pid.oldbin", first.trim()));
    let swapping = node.start(&[RKEEP, "swap-in"]).unwrap();
    let begun = || swapping.stdout().lines().any(|line| line.contains("hand its sockets") && line.ends_with('…'));
    assert!(eventually(SOON, begun), "{}", swapping.stdout());
    std::thread::sleep(Duration::from_millis(300));
    run(&node, &format!("kill -KILL {}", first.trim()));
    let ended = swapping.wait(SOON).unwrap();
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(swapped(&node), [true, true]);
}

/// Killed while one program takes over from the other.
#[test]
fn a_take_over_that_is_killed_can_be_finished_and_undone() {
    let node = node("between");
    let before = state(&node);
    for (round, delay) in [0, 30, 100, 300, 1000].into_iter().enumerate() {
        for (step, word) in
            [("hand its sockets", "swap-in"), ("take over from", "swap-in"), ("hand its sockets", "swap-out")]
        {
            if word == "swap-out" {
                swap(&node, "swap-in");
            }
            kill_at(&node, word, step, Duration::from_millis(delay));
            let what = || format!("{word} killed {delay} ms after it began to {step}");
            assert!(eventually(SOON, || answers(&node, VIP)), "{}", what());
            if round % 2 == 0 {
                swap(&node, "swap-in");
                assert_eq!(swapped(&node), [true, true], "{}", what());
            }
            swap(&node, "swap-out");
            assert!(eventually(SOON, || answers(&node, VIP)), "{}", what());
            assert_eq!(swapped(&node), [false, false], "{}", what());
            assert_eq!(state(&node), before, "{}", what());
        }
    }
}

/// Runs a swap and kills it so long after it has begun that step, unless it has ended by then.
fn kill_at(node: &Node, word: &str, step: &str, delay: Duration) {
    let running = node.start(&[RKEEP, word]).unwrap();
    let begun = || running.stdout().lines().any(|line| line.contains(step) && line.ends_with('…'));
    assert!(eventually(SOON, || begun() || !running.runs().unwrap()), "{}", running.stdout());
    std::thread::sleep(delay);
    let _ = running.signal(Signal::KILL);
    running.wait(SOON).unwrap();
}

/// Killed at each call that changes a name: each step writes the journal so, and most steps are such calls.
#[test]
fn a_swap_that_is_killed_anywhere_leaves_a_box_that_serves() {
    let node = node("killed");
    let before = state(&node);
    run(&node, "strace -V > /dev/null # of the package strace");
    let mut deaths = 0;
    for (word, back) in [("swap-in", "swap-out"), ("swap-out", "swap-in")] {
        for call in 1.. {
            if word == "swap-out" {
                swap(&node, "swap-in");
            }
            let inject =
                format!("-e trace=linkat,rename,unlink -e inject=linkat,rename,unlink:signal=KILL:when={call}");
            let ended = node.shell(&format!("strace -o /dev/null {inject} {RKEEP} {word}")).unwrap();
            let what = || format!("{word} killed at call {call}: {ended:?}");
            assert!(eventually(SOON, || answers(&node, Ipv4Addr::LOCALHOST)), "{}", what());
            assert!(eventually(SOON, || answers(&node, VIP)), "{}", what());
            let version = run(&node, "/usr/sbin/nginx -v 2>&1 && /usr/sbin/keepalived -v 2>&1").stdout;
            assert!(version.contains("nginx version") && version.contains("Keepalived v"), "{version}");
            let survived = ended.code() == Some(0);
            if !survived {
                deaths += 1;
                swap(&node, "swap-status");
            }
            // Every other time it goes on where it was, before it turns back.
            if call % 2 == 0 {
                swap(&node, word);
                assert_eq!(swapped(&node), [word == "swap-in"; 2], "{}", what());
            }
            swap(&node, back);
            swap(&node, "swap-out");
            assert_eq!(swapped(&node), [false, false], "{}", what());
            assert!(eventually(SOON, || answers(&node, VIP)), "{}", what());
            assert_eq!(state(&node), before, "{}", what());
            if survived {
                break;
            }
        }
    }
    println!("killed {deaths} times");
    assert!(deaths > 20, "{deaths}");
}
