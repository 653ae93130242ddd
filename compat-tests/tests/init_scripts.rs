//! Debian's own init scripts and the command lines of its units, unmodified, on the originals and on rkeep in their
//! places.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rkeep::rehearse::{Node, Placed, Subject, eventually};
use rkeep_compat_tests::{not_asked, on_original, subject};
use rustix::process::Signal;

const SOON: Duration = Duration::from_secs(15);

/// A box with both programs where Debian keeps them: two copies, as `start-stop-daemon --exec` compares files.
fn node(name: &str) -> Node {
    let (nginx, keepalived) = match subject() {
        Subject::Original => ("/usr/sbin/nginx".into(), "/usr/sbin/keepalived".into()),
        Subject::Rkeep(path) => (path.clone(), copy(&path, name)),
    };
    let programs = [
        Placed { from: nginx, to: "/usr/sbin/nginx".into() },
        Placed { from: keepalived, to: "/usr/sbin/keepalived".into() },
    ];
    let node = Node::new(name, "127.0.0.1 localhost\n", &programs).unwrap();
    let made = node.shell(
        "ip link set lo up && cp -r /etc/.machine/nginx/. /etc/nginx/ && mkdir -p /var/www/html && echo page > /var/www/html/index.html",
    );
    assert_eq!(made.unwrap().code(), Some(0));
    node
}

/// A copy of the program, in a place that the next run overwrites.
fn copy(program: &Path, name: &str) -> PathBuf {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("keepalived-{name}"));
    // One of an earlier run may still be there.
    let _ = std::fs::remove_file(&to);
    std::fs::copy(program, &to).unwrap();
    to
}

fn run(node: &Node, line: &str) -> i32 {
    let ended = node.shell(line).unwrap();
    ended.code().unwrap_or_else(|| panic!("{line}: {ended:?}"))
}

fn count(node: &Node, name: &str) -> usize {
    node.processes().unwrap().iter().filter(|it| it.name == name).count()
}

fn serves(node: &Node) -> bool {
    node.shell("curl -s -m 5 http://127.0.0.1/").unwrap().stdout == "page\n"
}

#[test]
fn nginx_is_managed_by_its_init_script() {
    let node = node("ngx");
    let script = |word: &str| run(&node, &format!("/etc/init.d/nginx {word}"));
    assert_eq!(script("status"), 3);
    assert_eq!(script("start"), 0);
    assert!(eventually(SOON, || serves(&node)));
    assert_eq!(script("status"), 0);
    assert_eq!(script("start"), 0);
    let master = node.read("/run/nginx.pid").unwrap();
    for word in ["configtest", "reload", "force-reload", "rotate"] {
        assert_eq!(script(word), 0, "{word}");
        assert!(eventually(SOON, || serves(&node)), "{word}");
    }
    assert_eq!(node.read("/run/nginx.pid").unwrap(), master);
    assert_eq!(script("restart"), 0);
    assert!(eventually(SOON, || serves(&node)));
    assert_ne!(node.read("/run/nginx.pid").unwrap(), master);
    node.shell("echo 'nonsense on;' >> /etc/nginx/nginx.conf").unwrap();
    assert_eq!(script("configtest"), 1);
    assert_ne!(script("reload"), 3);
    assert!(serves(&node));
    assert_eq!(script("stop"), 0);
    assert!(eventually(SOON, || count(&node, "nginx") == 0));
    assert_eq!(script("status"), 3);
}

#[test]
fn nginx_is_managed_by_its_units_command_lines() {
    let node = node("unit");
    let globals = "-g 'daemon on; master_process on;'";
    assert_eq!(run(&node, &format!("/usr/sbin/nginx -t -q {globals}")), 0);
    assert_eq!(run(&node, &format!("/usr/sbin/nginx {globals}")), 0);
    assert!(eventually(SOON, || serves(&node)));
    assert_eq!(run(&node, &format!("/usr/sbin/nginx {globals} -s reload")), 0);
    assert_eq!(run(&node, "killall -0 nginx"), 0);
    assert!(eventually(SOON, || serves(&node)));
    let stop = "/sbin/start-stop-daemon --quiet --stop --retry QUIT/5 --pidfile /run/nginx.pid";
    assert_eq!(run(&node, stop), 0);
    assert!(eventually(SOON, || count(&node, "nginx") == 0));
}

/// A box with an interface and a virtual router on it.
fn router(name: &str) -> Node {
    let node = node(name);
    let link = "ip link add eth0 type veth peer name far && ip addr add 192.168.3.1/24 dev eth0 \
                && ip link set eth0 up && ip link set far up";
    assert_eq!(run(&node, link), 0);
    let conf = "vrrp_instance VI_1 {\n  state MASTER\n  interface eth0\n  virtual_router_id 51\n  priority 255\n  \
                advert_int 1\n  virtual_ipaddress {\n    192.168.3.253\n  }\n}\n";
    node.write("/etc/keepalived/keepalived.conf", conf).unwrap();
    node
}

fn owns(node: &Node) -> bool {
    node.shell("ip -o addr show dev eth0").unwrap().stdout.contains("192.168.3.253/32")
}

#[test]
fn keepalived_is_managed_by_its_init_script() {
    let node = router("ka");
    let script = |word: &str| run(&node, &format!("/etc/init.d/keepalived {word}"));
    assert_eq!(script("start"), 0);
    assert!(eventually(SOON, || owns(&node)));
    let parent = node.read("/run/keepalived.pid").unwrap();
    assert!(node.read("/run/vrrp.pid").is_ok());
    assert_eq!(script("reload"), 0);
    assert_eq!(run(&node, "killall -0 keepalived"), 0);
    assert_eq!(node.read("/run/keepalived.pid").unwrap(), parent);
    assert!(owns(&node));
    // The script waits a second for the old one to end.
    assert_eq!(script("stop"), 0);
    assert!(eventually(SOON, || count(&node, "keepalived") == 0));
    assert!(!owns(&node));
    assert!(node.read("/run/keepalived.pid").is_err() && node.read("/run/vrrp.pid").is_err());
    assert_eq!(script("start"), 0);
    assert!(eventually(SOON, || owns(&node)));
    assert_eq!(run(&node, "pkill keepalived"), 0);
    assert!(eventually(SOON, || count(&node, "keepalived") == 0 && !owns(&node)));
}

#[test]
fn keepalived_tells_the_service_manager_how_far_it_is() {
    if on_original() {
        return not_asked("it speaks to a service manager only when its parent process is systemd");
    }
    let node = router("notify");
    let socket = node.within(|| UnixDatagram::bind("/run/notify")).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let hear = |wanted: &str| {
        let mut told = Vec::new();
        let mut bytes = [0; 4096];
        while let Ok(length) = socket.recv(&mut bytes) {
            told.push(String::from_utf8_lossy(&bytes[..length]).into_owned());
            if told.iter().any(|text| text.contains(wanted)) {
                return;
            }
        }
        panic!("{wanted} was not said, but {told:?}");
    };
    let running =
        node.start(&["env", "NOTIFY_SOCKET=/run/notify", "/usr/sbin/keepalived", "--dont-fork", "-l", "-D"]).unwrap();
    hear("READY=1");
    running.signal(Signal::HUP).unwrap();
    hear("RELOADING=1");
    hear("READY=1");
    running.signal(Signal::TERM).unwrap();
    hear("STOPPING=1");
    assert_eq!(running.wait(SOON).unwrap().code(), Some(0));
}
