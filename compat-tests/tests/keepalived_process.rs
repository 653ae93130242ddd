//! keepalived's command line, processes, signals and files: the same on keepalived and on rkeep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use rkeep::rehearse::{Node, Running, eventually};
use rkeep_compat_tests::{not_asked, on_original, subject};
use rustix::process::Signal;

const SOON: Duration = Duration::from_secs(15);
const KEEPALIVED: &str = "/usr/local/sbin/keepalived";
const CONF: &str = "/etc/keepalived/keepalived.conf";

/// A box with keepalived, an interface, and a virtual router on it that needs nobody's consent.
fn node() -> Node {
    let node = Node::new("router", "127.0.0.1 localhost\n", &[subject().as_keepalived()]).unwrap();
    let link = "ip link set lo up && ip link add eth0 type veth peer name far \
                && ip addr add 192.168.3.1/24 dev eth0 && ip link set eth0 up && ip link set far up";
    assert_eq!(node.shell(link).unwrap().code(), Some(0));
    configure(&node, "eth0", &["192.168.3.253"]);
    node
}

fn configure(node: &Node, interface: &str, addresses: &[&str]) {
    let text = format!(
        "vrrp_instance VI_1 {{\n  state MASTER\n  interface {interface}\n  virtual_router_id 51\n  priority 255\n  \
         advert_int 1\n  virtual_ipaddress {{\n    {}\n  }}\n}}\n",
        addresses.join("\n    ")
    );
    node.write(CONF, text).unwrap();
}

fn start(node: &Node, more: &[&str]) -> Running {
    node.start(&[&[KEEPALIVED, "-n", "-l", "-D"], more].concat()).unwrap()
}

fn started(node: &Node) -> Running {
    let running = start(node, &[]);
    assert!(eventually(SOON, || owns(node, "192.168.3.253")), "{}", running.stderr());
    running
}

fn owns(node: &Node, address: &str) -> bool {
    node.shell("ip -o addr show dev eth0").unwrap().stdout.contains(&format!(" {address}/32"))
}

fn pid(node: &Node, file: &str) -> Option<i32> {
    node.read(file).ok()?.trim().parse().ok()
}

fn count(node: &Node) -> usize {
    node.processes().unwrap().iter().filter(|it| it.name == "keepalived").count()
}

/// Runs keepalived to its end; its exit code and what it said.
fn ended(node: &Node, words: &[&str]) -> (Option<i32>, String) {
    let ended = node.run(&[&[KEEPALIVED], words].concat()).unwrap();
    (ended.code(), ended.stdout + &ended.stderr)
}

#[test]
fn a_parent_and_its_speaker_run_until_told_to_stop() {
    let node = node();
    let running = started(&node);
    let inner = node.processes().unwrap().into_iter().find(|it| Some(it.pid) == running.pid()).unwrap().inner;
    assert_eq!(pid(&node, "/run/keepalived.pid"), Some(inner));
    let speaker = pid(&node, "/run/vrrp.pid").unwrap();
    assert_ne!(speaker, inner);
    assert_eq!(node.shell("stat -c %a /run/keepalived.pid /run/vrrp.pid").unwrap().stdout, "644\n644\n");
    let (code, text) = ended(&node, &["-n", "-l"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("daemon is already running"), "{text}");
    running.signal(Signal::TERM).unwrap();
    let done = running.wait(SOON).unwrap();
    assert_eq!(done.code(), Some(0));
    assert!(!owns(&node, "192.168.3.253"));
    assert!(pid(&node, "/run/keepalived.pid").is_none() && pid(&node, "/run/vrrp.pid").is_none());
    for line in [
        ": Starting Keepalived v2.",
        ": Command line: '/usr/local/sbin/keepalived' '-n' '-l' '-D'\n",
        ": Configuration file /etc/keepalived/keepalived.conf\n",
        &format!(": Starting VRRP child process, pid={speaker}\n"),
        ": (VI_1) Entering MASTER STATE\n",
        ": Startup complete\n",
        ": Stopping\n",
        ": Stopped Keepalived v2.",
    ] {
        assert!(done.stderr.contains(line), "{line} is missing:\n{}", done.stderr);
    }
}

#[test]
fn a_reload_adds_and_removes_addresses_and_stays_master() {
    let node = node();
    let running = started(&node);
    let speaker = pid(&node, "/run/vrrp.pid");
    configure(&node, "eth0", &["192.168.3.254", "192.168.3.252"]);
    running.signal(Signal::HUP).unwrap();
    let taken_up = || owns(&node, "192.168.3.254") && owns(&node, "192.168.3.252") && !owns(&node, "192.168.3.253");
    assert!(eventually(SOON, taken_up), "{}", running.stderr());
    assert!(eventually(SOON, || running.stderr().contains("Reload complete")));
    assert_eq!(pid(&node, "/run/vrrp.pid"), speaker);
    assert_eq!(running.stderr().matches("Entering MASTER STATE").count(), 1, "{}", running.stderr());
}

#[test]
fn a_killed_speaker_is_started_again() {
    let node = node();
    let running = started(&node);
    let speaker = pid(&node, "/run/vrrp.pid").unwrap();
    node.run(&["kill", "-KILL", &speaker.to_string()]).unwrap();
    let again = || pid(&node, "/run/vrrp.pid").is_some_and(|now| now != speaker);
    assert!(eventually(SOON, again), "{}", running.stderr());
    assert!(eventually(SOON, || owns(&node, "192.168.3.253")));
    for line in [
        format!(": pid {speaker} exited due to signal 9 (Killed)"),
        format!(": VRRP child process({speaker}) died: Respawning\n"),
        ": Restart of VRRP process delayed 0 seconds to limit respawn rate\n".to_owned(),
    ] {
        assert!(running.stderr().contains(&line), "{line} is missing:\n{}", running.stderr());
    }
}

#[test]
fn children_of_a_killed_parent_stop_gracefully() {
    let node = node();
    let running = started(&node);
    running.signal(Signal::KILL).unwrap();
    assert!(eventually(SOON, || !running.runs().unwrap() && count(&node) == 0));
    assert!(!owns(&node, "192.168.3.253"));
    // The file it left behind does not keep another one from starting.
    drop(started(&node));
}

#[test]
fn without_respawning_a_dead_child_ends_all() {
    let node = node();
    let running = start(&node, &["-R"]);
    assert!(eventually(SOON, || owns(&node, "192.168.3.253")));
    let speaker = pid(&node, "/run/vrrp.pid").unwrap();
    node.run(&["kill", "-KILL", &speaker.to_string()]).unwrap();
    let done = running.wait(SOON).unwrap();
    assert!(done.stderr.contains(&format!("VRRP child process({speaker}) died: Exiting")), "{}", done.stderr);
    assert_eq!(count(&node), 0);
}

#[test]
fn a_daemon_goes_to_the_background() {
    let node = node();
    assert_eq!(ended(&node, &[]), (Some(0), String::new()));
    assert!(eventually(SOON, || owns(&node, "192.168.3.253")));
    let parent = pid(&node, "/run/keepalived.pid").unwrap();
    assert_eq!(node.shell(&format!("readlink /proc/{parent}/cwd")).unwrap().stdout, "/\n");
    node.run(&["kill", &parent.to_string()]).unwrap();
    assert!(eventually(SOON, || count(&node) == 0));
}

#[test]
fn what_cannot_run_ends_with_its_code() {
    let node = node();
    node.run(&["rm", CONF]).unwrap();
    assert_eq!(ended(&node, &["-n", "-l"]).0, Some(6));
    configure(&node, "eth7", &["192.168.3.253"]);
    let (code, text) = ended(&node, &["-n", "-l"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("exited with permanent error CONFIG. Terminating"), "{text}");
    assert_eq!(count(&node), 0);
}

#[test]
fn a_reload_with_a_bad_file_leaves_everything_as_it_was() {
    if on_original() {
        return not_asked("it ends, and leaves its address behind");
    }
    let node = node();
    let running = started(&node);
    node.write(CONF, "vrrp_instance VI_1 {\n  interface eth0\n  virtual_router_id\n}\n").unwrap();
    running.signal(Signal::HUP).unwrap();
    assert!(eventually(SOON, || running.stderr().contains("the old one stays")), "{}", running.stderr());
    std::thread::sleep(Duration::from_millis(500));
    assert!(owns(&node, "192.168.3.253") && running.runs().unwrap());
}

#[test]
fn the_command_line_is_understood() {
    let node = node();
    assert_eq!(ended(&node, &["--bogus"]), (Some(1), "Unknown option --bogus\n".to_owned()));
    assert_eq!(ended(&node, &["-Z"]), (Some(1), "Unknown option -Z\n".to_owned()));
    assert_eq!(ended(&node, &["-f"]), (Some(1), "Missing parameter for option -f\n".to_owned()));
    assert_eq!(ended(&node, &["--signum=RELOAD"]), (Some(0), "1\n".to_owned()));
    assert_eq!(ended(&node, &["--signum", "STATS_CLEAR"]), (Some(0), "63\n".to_owned()));
    assert_eq!(ended(&node, &["--signum=FOO"]), (Some(1), "Unknown sigfunc FOO\n".to_owned()));
    let (code, text) = ended(&node, &["--version"]);
    assert_eq!(code, Some(0));
    assert!(text.starts_with("Keepalived v2."), "{text}");
    assert_eq!(ended(&node, &["-t"]), (Some(0), String::new()));
}

#[test]
fn dumps_are_written_on_request() {
    let node = node();
    let running = started(&node);
    running.signal(Signal::USR1).unwrap();
    let dumped = |file: &str, text: &str| node.read(file).is_ok_and(|it| it.contains(text));
    assert!(eventually(SOON, || dumped("/tmp/keepalived_parent.data", "------< Global definitions >------\n")));
    assert!(eventually(SOON, || dumped("/tmp/keepalived.data", "------< VRRP Topology >------\n")));
    running.signal(Signal::USR2).unwrap();
    assert!(eventually(SOON, || dumped("/tmp/keepalived.stats", "VRRP Instance: VI_1\n")));
}
