//! The ground the other tests stand on: nodes, cables, programs, and that nothing is left behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::Ipv4Addr;
use std::time::Duration;

use rkeep::rehearse::{Furnishing, Lan, Node, eventually};
use rustix::process::{Signal, test_kill_process};

const ONE: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 2);

#[test]
fn boxes_have_their_own_files_processes_and_names() {
    let node = Node::new("alpha", "192.168.3.9 mail.example\n", &[]).unwrap();
    node.write("/run/here", "yes").unwrap();
    assert!(!std::path::Path::new("/run/here").exists());
    let told = node.shell("hostname; cat /etc/hosts; ls /usr/local/nginx; id -un; cat /proc/1/comm").unwrap();
    assert!(told.stdout.starts_with("alpha\n192.168.3.9 mail.example\nconf\nhtml\nlogs\nsbin\nroot\n"), "{told:?}");
    let sleeper = node.start(&["sleep", "1000"]).unwrap();
    assert!(eventually(Duration::from_secs(5), || node.processes().unwrap().iter().any(|it| it.name == "sleep")));
    assert_eq!(node.signal_all("sleep", Signal::TERM).unwrap(), 1);
    assert!(eventually(Duration::from_secs(5), || !sleeper.runs().unwrap()));
}

#[test]
fn files_of_a_box_are_never_written_over_the_machines() {
    // A place that boxes share with the machine, one in a part of /etc that they do, and one behind a link.
    let beside = std::env::current_exe().unwrap().with_file_name(format!("box-{}", std::process::id()));
    let there = beside.join("there.conf");
    std::fs::create_dir_all(&beside).unwrap();
    std::fs::write(&there, "the machine's").unwrap();
    std::os::unix::fs::symlink("there.conf", beside.join("link.conf")).unwrap();
    let places = [there.clone(), beside.join("link.conf"), beside.join("new.conf"), beside.join("deep/new.conf")];
    let etc = ["/etc/nginx/n.conf", "/etc/ssl/certs/made/up.pem", "/etc/made/up.pem", "/made/up.pem"].map(Into::into);
    let known = std::path::PathBuf::from("/etc/fstab");
    let all = places.iter().cloned().chain(etc).chain(known.exists().then_some(known));
    let before = std::fs::read("/etc/fstab").ok();
    let files: std::collections::BTreeMap<_, _> = all.map(|path| (path, b"the box's".to_vec())).collect();
    let node = Node::furnished("gamma", &Furnishing { files: files.clone(), ..Furnishing::default() }).unwrap();
    for path in files.keys() {
        assert_eq!(node.read(path).unwrap(), "the box's", "{path:?}");
    }
    drop(node);
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "the machine's");
    assert_eq!(std::fs::read("/etc/fstab").ok(), before);
    for new in ["/etc/ssl/certs/made", "/etc/made", "/made"].map(std::path::PathBuf::from).iter().chain(&places[2..]) {
        assert!(!new.exists(), "{new:?}");
    }
    std::fs::remove_dir_all(beside).unwrap();
}

#[test]
fn a_node_takes_its_daemons_along() {
    let node = Node::new("beta", "", &[]).unwrap();
    assert_eq!(node.shell("setsid sleep 1000 & echo started").unwrap().stdout, "started\n");
    let found = || node.processes().unwrap().into_iter().find(|it| it.name == "sleep");
    assert!(eventually(Duration::from_secs(5), || found().is_some()));
    let daemon = found().unwrap();
    drop(node);
    assert!(test_kill_process(daemon.pid).is_err());
}

#[test]
fn cables_carry_and_can_be_pulled() {
    let lan = Lan::new().unwrap();
    let (one, two) = (Node::new("one", "", &[]).unwrap(), Node::new("two", "", &[]).unwrap());
    lan.plug(&one, &[ONE]).unwrap();
    lan.plug(&two, &[TWO]).unwrap();
    assert_eq!(one.addresses().unwrap(), [ONE]);
    one.readdress(Ipv4Addr::new(192, 168, 3, 253), 32, true).unwrap();
    assert_eq!(one.addresses().unwrap().len(), 2);
    let _echo = two.thread(|| std::net::TcpListener::bind((TWO, 80)).unwrap().incoming().for_each(drop)).unwrap();
    let reaches = || {
        let connect = || std::net::TcpStream::connect_timeout(&(TWO, 80).into(), Duration::from_millis(300));
        one.within(connect).is_ok()
    };
    assert!(eventually(Duration::from_secs(5), reaches));
    lan.cut(&two).unwrap();
    assert!(!reaches());
    lan.mend(&two).unwrap();
    assert!(eventually(Duration::from_secs(5), reaches));
    lan.unplug(&two).unwrap();
    let carrier = || two.shell("ip -o link show eth0").unwrap().stdout.contains("NO-CARRIER");
    assert!(eventually(Duration::from_secs(5), carrier));
    lan.replug(&two).unwrap();
    assert!(eventually(Duration::from_secs(5), reaches));
}
