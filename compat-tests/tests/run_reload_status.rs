//! `rkeep run`, `rkeep reload` and `rkeep status`: both faces of one box under one roof.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::RefCell;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use rkeep::rehearse::{Ended, Node, Placed, Running, Subject, eventually};
use rkeep_compat_tests::rkeep;
use rustix::process::Signal;

const SOON: Duration = Duration::from_secs(20);
const TOOL: &str = "/usr/local/bin/rkeep";
const NGINX_CONF: &str = "/usr/local/nginx/conf/nginx.conf";
const KEEPALIVED_CONF: &str = "/etc/keepalived/keepalived.conf";
const LOGS: &str = "/usr/local/nginx/logs";

fn node() -> Node {
    let Subject::Rkeep(path) = rkeep() else { unreachable!() };
    let node = Node::new("box", "127.0.0.1 localhost\n", &[Placed { from: path, to: TOOL.into() }]).unwrap();
    let link = "ip link set lo up && ip link add eth0 type veth peer name far \
                && ip addr add 192.168.3.1/24 dev eth0 && ip link set eth0 up && ip link set far up";
    assert_eq!(node.shell(link).unwrap().code(), Some(0));
    nginx(&node, "one", "");
    keepalived(&node, "192.168.3.253");
    node
}

fn nginx(node: &Node, answer: &str, more: &str) {
    let text = format!(
        "user root root;\nerror_log logs/error.log notice;\nevents {{}}\nhttp {{\n  access_log logs/access.log;\n  \
         upstream web {{ server 127.0.0.1:81; server 127.0.0.1:82 backup; }}\n  server {{\n    listen 80;\n    \
         location / {{ return 200 \"{answer}\"; }}\n    location /web {{ proxy_pass http://web; }}\n  }}\n}}\n{more}"
    );
    node.write(NGINX_CONF, text).unwrap();
}

fn keepalived(node: &Node, address: &str) {
    let text = format!(
        "vrrp_instance VI_1 {{\n  state MASTER\n  interface eth0\n  virtual_router_id 51\n  priority 255\n  \
         virtual_ipaddress {{\n    {address}\n  }}\n}}\n"
    );
    node.write(KEEPALIVED_CONF, text).unwrap();
}

/// Both faces under `rkeep run`, once they are up.
fn started(node: &Node) -> Running {
    let running = node.start(&[TOOL, "run"]).unwrap();
    let up = || rkeep_says(node, &["status"]).code() == Some(0) && answer(node) == "one" && owns(node, "192.168.3.253");
    assert!(eventually(SOON, up), "{}\n{}", running.stderr(), rkeep_says(node, &["status"]).stdout);
    running
}

fn rkeep_says(node: &Node, words: &[&str]) -> Ended {
    node.run(&[&[TOOL], words].concat()).unwrap()
}

fn json(node: &Node) -> serde_json::Value {
    serde_json::from_str(&rkeep_says(node, &["status", "--json"]).stdout).unwrap()
}

fn answer(node: &Node) -> String {
    node.shell("curl -s -m 5 http://127.0.0.1/").unwrap().stdout
}

fn owns(node: &Node, address: &str) -> bool {
    node.shell("ip -o addr show dev eth0").unwrap().stdout.contains(&format!(" {address}/32"))
}

fn count(node: &Node, name: &str) -> usize {
    node.processes().unwrap().iter().filter(|it| it.name == name).count()
}

fn pid(node: &Node, file: &str) -> i32 {
    node.read(file).unwrap().trim().parse().unwrap()
}

fn kill(node: &Node, signal: &str, pid: i32) {
    assert_eq!(node.run(&["kill", signal, &pid.to_string()]).unwrap().code(), Some(0));
}

#[test]
fn several_nginx_of_a_box_are_all_found() {
    let node = node();
    let _running = started(&node);
    let conf = "/usr/local/nginx/conf/second.conf";
    node.write(conf, "pid /run/second.pid;\nevents {}\nhttp { server { listen 8080; return 200 second; } }\n").unwrap();
    assert_eq!(node.run(&[TOOL, "nginx", "-c", conf]).unwrap().code(), Some(0));
    let text = rkeep_says(&node, &["status"]).stdout;
    assert!(text.contains("(/usr/local/nginx/conf/nginx.conf)") && text.contains(&format!("({conf})")), "{text}");
    let reloaded = rkeep_says(&node, &["reload"]);
    assert_eq!(reloaded.code(), Some(0), "{}", reloaded.stderr);
    assert_eq!(reloaded.stdout.matches("nginx: configuration 2 is in force").count(), 2, "{}", reloaded.stdout);
    kill(&node, "-QUIT", pid(&node, "/run/second.pid"));
    assert!(eventually(SOON, || !rkeep_says(&node, &["status"]).stdout.contains("second.conf")));
    assert_eq!(json(&node)["nginx"]["running"]["generation"], 2);
}

#[test]
fn status_says_how_both_faces_are() {
    let node = node();
    let stopped = rkeep_says(&node, &["status"]);
    assert_eq!(stopped.code(), Some(3), "{}", stopped.stderr);
    assert_eq!(stopped.stdout, "nginx        is not running\nkeepalived   is not running\n");
    let _running = started(&node);
    // Both servers of the upstream refuse.
    assert_eq!(node.shell("curl -s -o /dev/null -w %{http_code} http://127.0.0.1/web").unwrap().stdout, "502");
    let text = rkeep_says(&node, &["status"]).stdout;
    for part in [
        "nginx        pid ",
        "configuration 1 (/usr/local/nginx/conf/nginx.conf)",
        "  listens on 0.0.0.0:80\n",
        "  upstream   web: 127.0.0.1:81 given up, 1 failed, 127.0.0.1:82 (backup) given up, 1 failed\n",
        "keepalived   pid ",
        "  VI_1       MASTER for ",
        "192.168.3.253/32 owned by this box\n",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    let json = json(&node);
    let (nginx, keepalived) = (&json["nginx"]["running"], &json["keepalived"]["running"]);
    assert_eq!(nginx["generation"], 1);
    assert_eq!(nginx["worker"]["upstreams"][0]["peers"][0]["state"], "unavailable");
    assert_eq!(keepalived["instances"][0]["state"], "Master");
    assert_eq!(keepalived["mails"], 0);
    // Only root may ask.
    let other = node.shell(&format!("setpriv --reuid 65534 --clear-groups {TOOL} status")).unwrap();
    assert_eq!(other.code(), Some(4), "{}", other.stdout);
    assert!(other.stdout.contains("only root may ask"), "{}", other.stdout);
}

#[test]
fn a_reload_shows_the_changes_and_ends_when_they_are_in_force() {
    let node = node();
    let _running = started(&node);
    nginx(&node, "two", "");
    keepalived(&node, "192.168.3.254");
    let dry = rkeep_says(&node, &["reload", "--dry-run"]);
    assert_eq!(dry.code(), Some(0), "{}", dry.stderr);
    for line in ["+    location / { return 200 \"two\"; }\n", "-    192.168.3.253\n", "+    192.168.3.254\n"] {
        assert!(dry.stdout.contains(line), "{}", dry.stdout);
    }
    assert_eq!(answer(&node), "one");
    let reload = rkeep_says(&node, &["reload"]);
    // At once, without waiting for it.
    assert_eq!(answer(&node), "two");
    assert!(owns(&node, "192.168.3.254") && !owns(&node, "192.168.3.253"));
    assert_eq!(reload.code(), Some(0), "{}", reload.stderr);
    assert!(reload.stdout.starts_with(dry.stdout.as_str()), "{}", reload.stdout);
    for line in ["nginx: configuration 2 is in force\n", "keepalived: configuration 2 is in force\n"] {
        assert!(reload.stdout.contains(line), "{}", reload.stdout);
    }
    let again = rkeep_says(&node, &["reload"]).stdout;
    assert!(again.contains("nginx: the files have not changed\nkeepalived: the files have not changed\n"), "{again}");
    assert_eq!(json(&node)["nginx"]["running"]["generation"], 3);
}

#[test]
fn a_broken_file_changes_nothing_anywhere() {
    let node = node();
    let _running = started(&node);
    nginx(&node, "two", "");
    node.write(KEEPALIVED_CONF, "vrrp_instance VI_1 {\n  interface eth0\n  virtual_router_id\n}\n").unwrap();
    let refused = rkeep_says(&node, &["reload"]);
    assert_eq!(refused.code(), Some(2), "{}", refused.stdout);
    assert!(refused.stderr.contains("keepalived: (/etc/keepalived/keepalived.conf: Line 3)"), "{}", refused.stderr);
    assert!(refused.stderr.ends_with("nothing has been changed\n"), "{}", refused.stderr);
    keepalived(&node, "192.168.3.253");
    nginx(&node, "two", "nonsense;\n");
    let refused = rkeep_says(&node, &["reload"]);
    assert_eq!(refused.code(), Some(2));
    assert!(refused.stderr.contains("nginx: unknown directive \"nonsense\" in /usr/local/nginx/conf/nginx.conf:"));
    // Sound as text, but its address is somebody else's.
    node.write(NGINX_CONF, "user root root;\nevents {}\nhttp { server { listen 192.0.2.1:80; } }\n").unwrap();
    let refused = rkeep_says(&node, &["reload"]);
    assert_eq!(refused.code(), Some(1), "{}", refused.stderr);
    assert!(refused.stderr.contains("bind() to 192.0.2.1:80 failed"), "{}", refused.stderr);
    assert!(refused.stderr.contains("nginx: the old configuration stays in force"), "{}", refused.stderr);
    assert_eq!(answer(&node), "one");
    assert!(owns(&node, "192.168.3.253"));
    assert_eq!(json(&node)["nginx"]["running"]["generation"], 1);
}

#[test]
fn both_run_under_one_process_until_it_is_told_to_end() {
    let node = node();
    let running = started(&node);
    let tree = node.shell("ps -eo pid,ppid,args --no-headers").unwrap().stdout;
    let inner = node.processes().unwrap().into_iter().find(|it| Some(it.pid) == running.pid()).unwrap().inner;
    let children = tree.lines().filter(|line| line.split_whitespace().nth(1) == Some(&inner.to_string()));
    assert_eq!(children.count(), 2, "{tree}");
    for line in ["start worker process", "Entering MASTER STATE"] {
        assert!(running.stderr().contains(line), "{}", running.stderr());
    }
    // Killed, each comes back.
    for (file, name) in [(format!("{LOGS}/nginx.pid"), "nginx"), ("/run/keepalived.pid".to_owned(), "keepalived")] {
        let old = pid(&node, &file);
        kill(&node, "-KILL", old);
        let back = || node.read(&file).is_ok_and(|text| !text.trim().is_empty() && text.trim() != old.to_string());
        assert!(eventually(SOON, back), "{name}: {}", running.stderr());
        assert!(running.stderr().contains(&format!("rkeep run: {name} was killed (Killed); it is started again")));
    }
    assert!(eventually(SOON, || rkeep_says(&node, &["status"]).code() == Some(0)), "{}", running.stderr());
    assert!(eventually(SOON, || owns(&node, "192.168.3.253") && answer(&node) == "one"), "{}", running.stderr());
    running.signal(Signal::TERM).unwrap();
    assert_eq!(running.wait(SOON).unwrap().code(), Some(0));
    assert!(!owns(&node, "192.168.3.253"));
    assert!(eventually(SOON, || count(&node, "nginx") + count(&node, "keepalived") == 0));
}

#[test]
fn one_that_cannot_run_ends_both_with_its_code() {
    let node = node();
    nginx(&node, "one", "nonsense;\n");
    let ended = rkeep_says(&node, &["run"]);
    assert_eq!(ended.code(), Some(1), "{}", ended.stderr);
    assert!(ended.stderr.contains("unknown directive \"nonsense\""), "{}", ended.stderr);
    assert!(ended.stderr.contains("rkeep run: nginx has ended with code 1; the rest ends, too"), "{}", ended.stderr);
    assert_eq!(count(&node, "nginx") + count(&node, "keepalived"), 0);
    assert!(!owns(&node, "192.168.3.253"));
}

#[test]
fn as_process_1_it_buries_what_has_lost_its_parent() {
    let node = node();
    // An orphan that ends: a shell leaves it behind.
    let line = format!("unshare -p -f --kill-child sh -c '(sleep 1 &) ; exec {TOOL} run'");
    let running = node.start(&["sh", "-c", &line]).unwrap();
    assert!(eventually(SOON, || answer(&node) == "one"), "{}", running.stderr());
    let states = || node.shell("ps -eo stat,comm --no-headers").unwrap().stdout;
    assert!(eventually(SOON, || !states().contains("sleep")), "{}", states());
    let supervisor = node.shell(&format!("pgrep -xf '{TOOL} run'")).unwrap().stdout;
    kill(&node, "-TERM", supervisor.trim().parse().unwrap());
    assert_eq!(running.wait(SOON).unwrap().code(), Some(0));
}

#[test]
fn logs_that_were_moved_away_are_opened_anew() {
    let node = node();
    let running = started(&node);
    let moved = format!("cd {LOGS} && mv access.log access.log.1 && mv error.log error.log.1");
    node.shell(&moved).unwrap();
    // What logrotate's `postrotate` does.
    node.shell(&format!("[ ! -f {LOGS}/nginx.pid ] || kill -USR1 `cat {LOGS}/nginx.pid`")).unwrap();
    let reopened = || {
        answer(&node);
        node.read(format!("{LOGS}/access.log")).is_ok_and(|text| text.contains("\"GET / HTTP/1.1\" 200"))
    };
    assert!(eventually(SOON, reopened));
    let before = node.read(format!("{LOGS}/access.log.1")).unwrap();
    assert_eq!(answer(&node), "one");
    assert_eq!(node.read(format!("{LOGS}/access.log.1")).unwrap(), before);
    node.shell(&format!("kill -HUP `cat {LOGS}/nginx.pid`")).unwrap();
    let error_log = || node.read(format!("{LOGS}/error.log")).is_ok_and(|text| text.contains("reconfiguring"));
    assert!(eventually(SOON, error_log), "{}", running.stderr());
    // To keepalived USR1 means a dump: it logs to syslog, whose files are syslog's.
    kill(&node, "-USR1", pid(&node, "/run/keepalived.pid"));
    assert!(eventually(SOON, || node.read("/tmp/keepalived.data").is_ok_and(|text| text.contains("VI_1"))));
    assert!(owns(&node, "192.168.3.253"));
}

/// Whoever listens at `$NOTIFY_SOCKET`.
struct Manager {
    socket: UnixDatagram,
    said: RefCell<String>,
}

impl Manager {
    fn new(node: &Node) -> Manager {
        let socket = node.within(|| UnixDatagram::bind("/run/notify")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Manager { socket, said: RefCell::default() }
    }

    /// All that it was told, one message a line.
    fn told(&self) -> String {
        let mut bytes = [0; 512];
        while let Ok(count) = self.socket.recv(&mut bytes) {
            let message = String::from_utf8_lossy(&bytes[..count]).replace('\n', " ");
            *self.said.borrow_mut() += &(message + "\n");
        }
        self.said.borrow().clone()
    }
}

#[test]
fn a_service_manager_is_told_how_far_everything_is() {
    let node = node();
    let manager = Manager::new(&node);
    let told = |what: &str| eventually(SOON, || manager.told().contains(what));
    let running = node.start(&["env", "NOTIFY_SOCKET=/run/notify", TOOL, "run"]).unwrap();
    assert!(told("READY=1"), "{}{}", manager.told(), running.stderr());
    let inner = node.processes().unwrap().into_iter().find(|it| Some(it.pid) == running.pid()).unwrap().inner;
    assert_eq!(manager.told(), format!("MAINPID={inner} READY=1\n"), "one word for both");
    assert_eq!(rkeep_says(&node, &["reload"]).code(), Some(0));
    assert!(told("RELOADING=1 MONOTONIC_USEC="), "{}", manager.told());
    assert!(eventually(SOON, || manager.told().trim_end().ends_with("READY=1")), "{}", manager.told());
    running.signal(Signal::TERM).unwrap();
    assert!(told("STOPPING=1"), "{}", manager.told());
    assert_eq!(running.wait(SOON).unwrap().code(), Some(0));
    // nginx's face alone: whom to watch after USR2.
    let argv = ["env", "NOTIFY_SOCKET=/run/notify", TOOL, "nginx", "-g", "daemon off;"];
    let alone = node.start(&argv).unwrap();
    assert!(eventually(SOON, || answer(&node) == "one"), "{}", alone.stderr());
    let old = pid(&node, &format!("{LOGS}/nginx.pid"));
    kill(&node, "-USR2", old);
    let new = || node.read(format!("{LOGS}/nginx.pid")).ok().and_then(|text| text.trim().parse::<i32>().ok());
    assert!(eventually(SOON, || new().is_some_and(|new| new != old)));
    let new = new().unwrap();
    assert!(told(&format!("MAINPID={new} READY=1")), "{}", manager.told());
    kill(&node, "-QUIT", old);
    assert!(eventually(SOON, || !alone.runs().unwrap()));
    assert_eq!(answer(&node), "one");
}
