//! Findings between files: each on a pair that has the fault, none on a sound pair.
#![allow(clippy::expect_used, clippy::panic, reason = "a helper of a test stops the test")]

use std::path::Path;

use rkeep_parsers::diag::{Diagnostic, Severity};
use rkeep_parsers::ir::Ir;
use rkeep_parsers::keepalived::{AnyMachine, Mode, load as load_keepalived};
use rkeep_parsers::lower::link::{Side, Sides, findings};
use rkeep_parsers::nginx::load as load_nginx;
use rkeep_parsers::source::MapLoader;
use rkeep_parsers::table::Compat;

const VRRP: &str = "vrrp_instance VI_1 {\n state BACKUP\n interface eth0\n virtual_router_id 51\n priority 100\n advert_int 1\n \
                    authentication {\n auth_type PASS\n auth_pass 1111\n }\n virtual_ipaddress {\n 192.168.3.253\n }\n}\n";

fn keepalived(text: &str) -> Ir {
    let loader = MapLoader::default().file("k.conf", text);
    let loaded = load_keepalived(Path::new("k.conf"), "box", &loader, &AnyMachine, Mode::Check { own: false });
    loaded.ir.expect("it loads")
}

fn nginx(http: &str) -> Ir {
    let loader = MapLoader::default().file("/n.conf", format!("events {{}}\nhttp {{\n{http}\n}}\n"));
    let loaded = load_nginx(Path::new("/n.conf"), Path::new("/"), None, &loader, Compat::default());
    loaded.ir.expect("it loads")
}

fn codes(nginx: Option<&Ir>, own: &Ir, peer: Option<&Ir>) -> Vec<&'static str> {
    let found = found(nginx, own, peer);
    found.iter().filter(|found| found.severity != Severity::Note).map(|found| found.code).collect()
}

fn found(nginx: Option<&Ir>, own: &Ir, peer: Option<&Ir>) -> Vec<Diagnostic> {
    let side = |ir| Side { ir, moved: 0 };
    findings(&Sides { nginx: nginx.map(side), keepalived: Some(side(own)), peer: peer.map(side) })
}

fn service(reals: &[&str]) -> String {
    let reals: String = reals.iter().map(|real| format!(" real_server {real} 80 {{\n }}\n")).collect();
    format!("virtual_server 192.168.3.253 80 {{\n protocol TCP\n lb_algo rr\n lb_kind NAT\n{reals}}}\n")
}

const PROXY: &str = "server { listen 192.168.3.1:80; location / { proxy_pass http://@; } }";

#[test]
fn a_sound_pair_is_silent() {
    let nginx = nginx("server { listen 80; location / { proxy_pass http://10.0.0.4:8080; } }");
    let peer = keepalived(&VRRP.replace("priority 100", "priority 99"));
    assert_eq!(codes(Some(&nginx), &keepalived(VRRP), Some(&peer)), [""; 0]);
}

#[test]
fn an_address_that_nothing_answers_on() {
    let own = keepalived(VRRP);
    assert_eq!(codes(Some(&nginx(&PROXY.replace('@', "10.0.0.4"))), &own, None), ["link::vip-unanswered"]);
    let on_it = nginx("server { listen 192.168.3.253:80; }");
    assert_eq!(codes(Some(&on_it), &own, None), [""; 0]);
    let served = keepalived(&format!("{VRRP}{}", service(&["10.0.0.4"])));
    assert_eq!(codes(Some(&nginx(&PROXY.replace('@', "10.0.0.4"))), &served, None), [""; 0]);
}

#[test]
fn a_circle_through_the_virtual_server() {
    let own = keepalived(&format!("{VRRP}{}", service(&["192.168.3.1"])));
    let back = codes(Some(&nginx(&PROXY.replace('@', "192.168.3.253"))), &own, None);
    assert!(back.contains(&"link::cycle"), "{back:?}");
    let away = codes(Some(&nginx(&PROXY.replace('@', "192.168.3.4"))), &own, None);
    assert!(!away.contains(&"link::cycle"), "{away:?}");
}

#[test]
fn a_circle_through_the_peer() {
    let own = keepalived(&format!("{VRRP}{}", service(&["192.168.3.1", "192.168.3.2"])));
    let back = codes(Some(&nginx(&PROXY.replace('@', "192.168.3.2"))), &own, None);
    assert!(back.contains(&"link::cycle"), "{back:?}");
}

#[test]
fn kernel_nat_on_one_lan() {
    let beside = keepalived(&format!("{VRRP}{}", service(&["192.168.3.1", "192.168.3.2"])));
    assert_eq!(codes(None, &beside, None), ["link::nat-on-one-lan"]);
    let behind = keepalived(&format!("{VRRP}{}", service(&["10.0.0.1"])));
    assert_eq!(codes(None, &behind, None), [""; 0]);
    let direct = service(&["192.168.3.1"]).replace("lb_kind NAT", "lb_kind DR");
    assert_eq!(codes(None, &keepalived(&format!("{VRRP}{direct}")), None), ["link::needs-ipvs"]);
}

#[test]
fn pairs_that_cannot_take_over() {
    let own = keepalived(VRRP);
    let cases = [
        ("virtual_router_id 51", "virtual_router_id 52", "link::vrid-differs"),
        ("advert_int 1", "advert_int 2", "link::interval-differs"),
        ("auth_pass 1111", "auth_pass 2222", "link::auth-differs"),
        ("192.168.3.253", "192.168.3.252", "link::addresses-differ"),
        ("state BACKUP", "version 3", "link::version-differs"),
    ];
    for (from, to, code) in cases {
        let peer = keepalived(&VRRP.replace("priority 100", "priority 99").replace(from, to));
        let found = found(None, &own, Some(&peer));
        let this =
            found.iter().find(|found| found.code == code).unwrap_or_else(|| panic!("{code} for {to}: {found:?}"));
        assert_eq!(this.severity, Severity::Error);
    }
    assert_eq!(codes(None, &own, Some(&own)), ["link::same-priority"]);
    let other = keepalived(&VRRP.replace("VI_1", "VI_2").replace("router_id 51", "router_id 9").replace(".253", ".99"));
    assert_eq!(codes(None, &own, Some(&other)), ["link::no-counterpart"; 2]);
}

#[test]
fn a_weight_must_be_able_to_move_the_address() {
    let tracking = |weight: &str| {
        let script = "vrrp_script c {\n script \"/usr/bin/true\"\n}\n";
        let tracks = format!("priority 100\n track_script {{\n c weight {weight}\n }}");
        keepalived(&format!("{script}{}", VRRP.replace("priority 100", &tracks)))
    };
    let peer = keepalived(&VRRP.replace("priority 100", "priority 90"));
    assert_eq!(codes(None, &tracking("-5"), Some(&peer)), ["link::weight-too-small"]);
    assert_eq!(codes(None, &tracking("5"), Some(&peer)), ["link::weight-too-small"]);
    assert_eq!(codes(None, &tracking("-20"), Some(&peer)), [""; 0]);
    assert_eq!(codes(None, &tracking("0"), Some(&peer)), [""; 0]);
}

#[test]
fn an_address_belongs_to_one_instance() {
    let second = VRRP.replace("VI_1", "VI_2").replace("router_id 51", "router_id 52");
    assert_eq!(codes(None, &keepalived(&format!("{VRRP}{second}")), None), ["link::address-twice"]);
}

#[test]
fn adverts_must_reach_the_peer_and_count_there() {
    let unicast = |own: &str, peer: &str| {
        let lines = format!("priority 100\n unicast_src_ip {own}\n unicast_peer {{\n {peer}\n }}");
        VRRP.replace("priority 100", &lines)
    };
    let lower = |text: String| keepalived(&text.replace("priority 100", "priority 90"));
    let own = keepalived(&unicast("10.0.0.1", "10.0.0.2"));
    assert_eq!(codes(None, &own, Some(&lower(unicast("10.0.0.2", "10.0.0.1")))), [""; 0]);
    assert_eq!(codes(None, &own, Some(&lower(VRRP.to_owned()))), ["link::unicast-differs"]);
    assert_eq!(codes(None, &own, Some(&lower(unicast("10.0.0.3", "10.0.0.1")))), ["link::not-a-peer"]);
    assert_eq!(codes(None, &own, Some(&lower(unicast("10.0.0.2", "10.0.0.4")))), ["link::not-a-peer"]);
    let copied = codes(None, &own, Some(&lower(unicast("10.0.0.1", "10.0.0.2"))));
    assert_eq!(copied, ["link::one-source", "link::not-a-peer", "link::not-a-peer"]);
    let elsewhere = VRRP.replace("priority 100", "priority 100\n mcast_dst_ip 224.0.0.99");
    assert_eq!(codes(None, &keepalived(VRRP), Some(&lower(elsewhere))), ["link::group-differs"]);
}

#[test]
fn version_3_may_differ_in_more() {
    let three = VRRP
        .replace("priority 100", "version 3\n priority 100")
        .replace(" authentication {\n auth_type PASS\n auth_pass 1111\n }\n", "");
    let own = keepalived(&three);
    let lower = |from: &str, to: &str| keepalived(&three.replace(from, to).replace("priority 100", "priority 90"));
    assert_eq!(codes(None, &own, Some(&lower("advert_int 1", "advert_int 2"))), ["link::pace-differs"]);
    let summed = lower("version 3", "version 3\n v3_checksum_as_v2");
    assert_eq!(codes(None, &own, Some(&summed)), ["link::checksum-differs"]);
    let signs = |id: u8, key: &str| {
        let block = format!("version 3\n auth_hmac {{\n key {id} {}\n active_key {id}\n }}", key.repeat(32));
        three.replace("version 3", &block)
    };
    let (ours, lower) =
        (keepalived(&signs(1, "61")), |text: String| keepalived(&text.replace("priority 100", "priority 90")));
    assert_eq!(codes(None, &ours, Some(&lower(signs(1, "61")))), [""; 0]);
    assert_eq!(codes(None, &ours, Some(&lower(signs(1, "62")))), ["link::hmac-differs"]);
    assert_eq!(codes(None, &ours, Some(&lower(signs(2, "61")))), ["link::hmac-differs"]);
    assert_eq!(codes(None, &ours, Some(&lower(three.clone()))), ["link::hmac-differs"]);
}

#[test]
fn who_preempts_is_the_higher() {
    let patient = |priority: u8| keepalived(&VRRP.replace("priority 100", &format!("priority {priority}\n nopreempt")));
    let plain = |priority: u8| keepalived(&VRRP.replace("priority 100", &format!("priority {priority}")));
    assert_eq!(codes(None, &patient(90), Some(&plain(100))), ["link::nopreempt-below"]);
    assert_eq!(codes(None, &plain(100), Some(&patient(90))), ["link::nopreempt-below"]);
    assert_eq!(codes(None, &patient(100), Some(&plain(90))), [""; 0]);
}

#[test]
fn an_instance_by_itself() {
    let all = |text: &str| {
        found(None, &keepalived(text), None).iter().map(|found| (found.code, found.severity)).collect::<Vec<_>>()
    };
    assert_eq!(all(VRRP), [("link::nothing-tracked", Severity::Note)]);
    let deaf = VRRP.replace("priority 100", "priority 100\n #rkeep: vip follow-service=off");
    assert_eq!(all(&deaf), [("link::nothing-tracked", Severity::Warning)]);
    let tracking = |priority: u8, weight: i16| {
        VRRP.replace("priority 100", &format!("priority {priority}\n track_interface {{\n eth1 weight {weight}\n }}"))
    };
    let idle = [("link::weight-idle", Severity::Warning)];
    for (priority, weight) in [(255, -20), (254, 5), (1, -5)] {
        assert_eq!(all(&tracking(priority, weight)), idle, "{priority} {weight}");
    }
    for (priority, weight) in [(255, 0), (254, -5), (1, 5), (100, 5)] {
        assert_eq!(all(&tracking(priority, weight)), [], "{priority} {weight}");
    }
    let open = tracking(100, 0).replace(" authentication {\n auth_type PASS\n auth_pass 1111\n }\n", "");
    let open = open.replace("priority 100", "priority 100\n unicast_peer {\n 10.0.0.2\n }");
    assert_eq!(all(&open), [("link::unicast-without-auth", Severity::Warning)]);
    let near =
        open.replace("10.0.0.2", "10.0.0.2 min_ttl 255").replace("priority 100", "priority 100\n check_unicast_src");
    assert_eq!(all(&near), []);
    let ipv6 =
        tracking(100, 0).replace("priority 100", "priority 100\n version 2").replace("192.168.3.253", "fe80::253");
    assert_eq!(all(&ipv6), [("link::ipv6-password", Severity::Warning)]);
}
