//! `use_vmac_addr` and `garp_extra_if`: which address is on which interface, as keepalived 2.4.3 names them.
#![allow(clippy::expect_used, reason = "a helper of a test stops the test")]

use std::path::Path;
use std::time::Duration;

use rkeep_parsers::ir::vrrp::{ExtraGarp, Router};
use rkeep_parsers::keepalived::{AnyMachine, Mode, load};
use rkeep_parsers::source::MapLoader;

fn routers(text: &str) -> Vec<Router> {
    let files = MapLoader::default().file("/k.conf", text);
    let loaded = load(Path::new("/k.conf"), "", &files, &AnyMachine, Mode::Check { own: false });
    let ir = loaded.ir.expect("the file is sound");
    ir.routers.values().cloned().collect()
}

fn instance(name: &str, vrid: u8, more: &str, addresses: &str, excluded: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n {more}\n virtual_ipaddress {{\n{addresses}\n }}\n \
         virtual_ipaddress_excluded {{\n{excluded}\n }}\n}}\n"
    )
}

/// `address on interface`, the instance's own being `-`.
fn places(router: &Router) -> Vec<String> {
    let place = |device: &Option<String>| {
        let device = device.as_deref().unwrap_or("-");
        router.base_of(device).map_or(device.to_owned(), |base| format!("{device}@{base}"))
    };
    let all = router.addresses.iter().chain(&router.excluded);
    all.map(|address| format!("{} {}", address.address, place(&address.device))).collect()
}

#[test]
fn each_other_interface_gets_one_of_each_family() {
    let addresses = "10.0.0.9/24\n10.1.0.9/24 dev eth1\n10.1.0.8/24 dev eth1\n10.2.0.9/24 dev eth2";
    let text = instance("V", 5, "use_vmac\n use_vmac_addr", addresses, "10.3.0.9/24 dev eth3\nfd00::1/64 dev eth1")
        + &instance("W", 6, "use_vmac_addr", "10.0.0.19/24\n10.1.0.19/24 dev eth1", "10.0.0.20 dev eth0");
    let routers = routers(&text);
    let on: Vec<Vec<String>> = routers.iter().map(places).collect();
    assert_eq!(
        on[0],
        [
            "10.0.0.9 -",
            "10.1.0.9 vrrp1.5@eth1",
            "10.1.0.8 vrrp1.5@eth1",
            "10.2.0.9 vrrp2.5@eth2",
            "10.3.0.9 vrrp3.5@eth3",
            "fd00::1 vrrp6.5@eth1"
        ]
    );
    assert_eq!(on[1], ["10.0.0.19 -", "10.1.0.19 vrrp.6@eth1", "10.0.0.20 eth0"]);
}

#[test]
fn the_own_interface_is_the_vmac_for_its_own_family() {
    let excluded = "fd00::1/64 dev eth1\nfd00::2/64 dev eth2\nfd00::3/64 dev eth0\n10.0.0.10/24 dev eth0";
    let with = routers(&instance("V", 5, "use_vmac\n use_vmac_addr", "10.0.0.9/24", excluded));
    assert_eq!(
        places(&with[0])[1..],
        ["fd00::1 vrrp6.5@eth1", "fd00::2 vrrp1.5@eth2", "fd00::3 vrrp2.5@eth0", "10.0.0.10 -"]
    );
    let without = routers(&instance("V", 5, "use_vmac", "10.0.0.9/24", excluded));
    assert_eq!(places(&without[0])[1..], ["fd00::1 eth1", "fd00::2 eth2", "fd00::3 eth0", "10.0.0.10 -"]);
}

#[test]
fn prefixes_are_for_one_kind_each() {
    let global = "global_defs {\n vmac_addr_prefix abc\n vmac_prefix def\n}\n";
    let text = global.to_owned() + &instance("V", 5, "use_vmac\n use_vmac_addr", "10.0.0.9\n10.1.0.9 dev eth1", "");
    let routers = routers(&text);
    assert_eq!(routers[0].bears(), "def.5");
    assert_eq!(places(&routers[0])[1], "10.1.0.9 abc.5@eth1");
}

#[test]
fn extra_announcements_are_for_vmacs_or_for_all() {
    let addresses = "10.0.0.9\n10.1.0.9 dev eth1";
    let extra = |more: &str| {
        let router = routers(&instance("V", 5, more, addresses, "")).remove(0);
        let extra: Vec<bool> = router.addresses.iter().map(|address| router.is_extra(address)).collect();
        (router.speech.extra_garp, extra)
    };
    let every = |all| Some(ExtraGarp { every: Duration::from_secs(2), all });
    assert_eq!(extra("use_vmac\n garp_extra_if 2"), (every(false), vec![false, false]));
    assert_eq!(extra("use_vmac\n garp_extra_if all 2"), (every(true), vec![false, true]));
    assert_eq!(extra("use_vmac\n use_vmac_addr\n garp_extra_if 2"), (every(false), vec![false, true]));
    assert_eq!(extra("garp_extra_if all 2"), (every(true), vec![false, true]));
    assert_eq!(extra("garp_extra_if 0"), (None, vec![false, false]));
}
