//! Single words of keepalived.conf whose effect shows on the wire or on the box.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::thread::sleep;
use std::time::{Duration, Instant};

use rkeep::rehearse::{Running, eventually};
use rkeep_compat_tests::speaker::{CONFIGURATION, Scene, VIP, instance};
use rkeep_compat_tests::{not_asked, on_original};

fn log(scene: &Scene) -> String {
    scene.running.as_ref().map(Running::stderr).unwrap_or_default()
}

/// Whether the peer gets an answer from the virtual address.
fn answers(scene: &Scene) -> bool {
    // A closed port answers at once, a dropped packet never.
    let asked = scene.peer.within(|| {
        let to = std::net::SocketAddr::from((VIP, 9));
        Ok(std::net::TcpStream::connect_timeout(&to, Duration::from_millis(700)).map_err(|error| error.kind()))
    });
    asked.unwrap().err() == Some(std::io::ErrorKind::ConnectionRefused)
}

#[test]
fn no_accept_drops_what_comes_for_the_addresses() {
    let scene = Scene::master(&instance("VI_1", 51, &[VIP], "    no_accept\n"));
    assert!(!answers(&scene), "{}", log(&scene));
    if on_original() {
        return;
    }
    // A reload without the word lets it in, and with it out again.
    scene.speaker.write(CONFIGURATION, instance("VI_1", 51, &[VIP], "")).unwrap();
    scene.signal(rustix::process::Signal::HUP);
    assert!(eventually(Duration::from_secs(5), || answers(&scene)), "{}", log(&scene));
    scene.speaker.write(CONFIGURATION, instance("VI_1", 51, &[VIP], "    no_accept\n")).unwrap();
    scene.signal(rustix::process::Signal::HUP);
    assert!(eventually(Duration::from_secs(5), || !answers(&scene)), "{}", log(&scene));
    assert!(scene.has(VIP));
}

#[test]
fn garp_interval_spaces_announcements() {
    if on_original() {
        return not_asked("2.2.7 sends them all at once, 2.4 spaces them");
    }
    let words = [
        "global_defs {\n    vrrp_garp_interval 0.1\n}\n",
        "garp_group {\n    garp_interval 0.1\n    interfaces {\n        eth0\n    }\n}\n",
    ];
    for words in words {
        let scene = Scene::master(&format!("{words}{}", instance("VI_1", 51, &[VIP], "")));
        scene.wait(|scene| scene.announcements(VIP).len() >= 5);
        let seen = scene.announcements(VIP);
        for pair in seen[..5].windows(2) {
            let gap = pair[1] - pair[0];
            assert!(gap >= Duration::from_millis(90) && gap < Duration::from_millis(400), "{words}: {gap:?}");
        }
    }
}

#[test]
fn min_garp_announces_once() {
    let global = "global_defs {\n    vrrp_min_garp\n}\n";
    let scene = Scene::master(&format!("{global}{}", instance("VI_1", 51, &[VIP], "")));
    sleep(Duration::from_secs(7));
    assert_eq!(scene.announcements(VIP).len(), 1);
}

#[test]
fn an_interface_must_be_down_for_so_long() {
    let delays = "interface_up_down_delays {\n    eth0 1 0\n}\n";
    let scene = Scene::master(&format!("{delays}{}", instance("VI_1", 51, &[VIP], "")));
    let link = |state: &str| scene.speaker.shell(&format!("ip link set eth0 {state}")).unwrap();
    link("down");
    sleep(Duration::from_millis(500));
    link("up");
    sleep(Duration::from_secs(3));
    assert!(!log(&scene).contains("FAULT STATE"), "{}", log(&scene));
    let since = Instant::now();
    link("down");
    scene.wait(|scene| log(scene).contains("FAULT STATE"));
    assert!(since.elapsed() >= Duration::from_millis(900), "{:?}", since.elapsed());
    link("up");
}

#[test]
fn scripts_run_before_the_first_and_after_the_last() {
    // A path without links: 2.4 runs no script that one leads to, such as /bin/sh.
    let script = |path: &str| format!("\"/usr/bin/touch {path}\"");
    let global = format!(
        "global_defs {{\n    script_user root\n    startup_script {}\n    shutdown_script {}\n}}\n",
        script("/tmp/started"),
        script("/tmp/ended")
    );
    let mut scene = Scene::new(&format!("{global}{}", instance("VI_1", 51, &[VIP], "")));
    scene.start();
    scene.wait(|scene| log(scene).contains("BACKUP STATE"));
    assert!(scene.speaker.read("/tmp/started").is_ok(), "{}", log(&scene));
    assert!(scene.speaker.read("/tmp/ended").is_err());
    assert_eq!(scene.end(), Some(0));
    assert!(scene.speaker.read("/tmp/ended").is_ok());
}

/// A second link of the speaker's box, whose other end is beside it.
fn second_link(scene: &Scene) {
    let made = "ip link add eth1 type veth peer name far && ip link set eth1 up && ip link set far up";
    scene.speaker.shell(made).unwrap();
}

#[test]
fn addresses_on_other_interfaces_have_the_virtual_mac_there_and_are_announced_again() {
    let words =
        "    use_vmac\n    use_vmac_addr\n    garp_extra_if 1\n    garp_master_delay 0\n    garp_master_repeat 1\n";
    let file = instance("VI_1", 51, &[VIP], words).replace("253\n", "253\n        10.1.0.9/24 dev eth1\n");
    let mut scene = Scene::new(&file);
    second_link(&scene);
    scene.start();
    scene.wait(|scene| log(scene).matches("Sending gratuitous ARP on vrrp1.51 for 10.1.0.9").count() >= 3);
    let links = scene.speaker.shell("ip -o link show vrrp1.51 && ip -o addr show vrrp1.51").unwrap().stdout;
    assert!(links.contains("00:00:5e:00:01:33") && links.contains("10.1.0.9/24"), "{links}");
    assert_eq!(log(&scene).matches("Sending gratuitous ARP on vrrp.51 for").count(), 1, "{}", log(&scene));
    assert_eq!(scene.end(), Some(0));
    assert!(!scene.speaker.shell("ip -o link").unwrap().stdout.contains("vrrp"));
}

#[test]
fn a_real_server_is_down_while_the_session_of_its_check_is() {
    if on_original() {
        return not_asked("a virtual server ends the original where the kernel has no IPVS");
    }
    let file = "bfd_instance N {\n    neighbor_ip 192.168.3.11\n    min_rx 50\n    min_tx 50\n}\n";
    let service = "virtual_server 192.168.3.253 80 {\n    protocol TCP\n    lb_kind NAT\n    lb_algo rr\n    \
                   real_server 192.168.3.11 80 {\n        BFD_CHECK {\n            name N\n        }\n    }\n}\n";
    let nice = "global_defs {\n    checker_priority 7\n    checker_cpu_affinity 0\n}\n";
    let mut scene = Scene::new(&format!("{nice}{file}{service}"));
    scene.start();
    scene.wait(|scene| log(scene).contains("BFD check of [N] RS([192.168.3.11]:tcp:80) is DOWN"));
    scene.wait(|scene| log(scene).contains("Removing service [192.168.3.11]:tcp:80"));
    let nices = scene.speaker.shell("cut -d ' ' -f 19 /proc/[0-9]*/stat").unwrap().stdout;
    assert!(nices.lines().any(|nice| nice == "7"), "{nices}");
    assert_eq!(scene.end(), Some(0));
}
