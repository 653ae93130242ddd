//! Which interfaces are asked for their link, and how.
#![allow(clippy::expect_used, reason = "a helper of a test stops the test")]

use std::path::Path;

use rkeep_parsers::ir::track::{How, Linkbeat};
use rkeep_parsers::keepalived::{AnyMachine, Mode, load};
use rkeep_parsers::source::MapLoader;

const INSTANCE: &str =
    "vrrp_instance V {\n interface eth0\n virtual_router_id 5\n virtual_ipaddress {\n  10.0.0.9\n }\n}\n";

fn beats(text: &str) -> (Vec<Linkbeat>, Vec<String>) {
    let files = MapLoader::default().file("/k.conf", text);
    let loaded = load(Path::new("/k.conf"), "", &files, &AnyMachine, Mode::Check { own: false });
    let said = loaded.diagnostics.iter().map(|found| found.message.clone()).collect();
    (loaded.ir.expect("the file is sound").trackers.links, said)
}

fn beat(interface: &str, how: Option<How>) -> Linkbeat {
    Linkbeat { interface: interface.to_owned(), how }
}

#[test]
fn listed_interfaces_say_how_they_are_asked() {
    let lines = "linkbeat_interfaces {\n eth0 MII\n eth1 ETHTOOL\n eth2 IOCTL\n eth3\n eth4 mii\n}\n";
    let (beats, said) = beats(&format!("{lines}{INSTANCE}"));
    let ways = [Some(How::Mii), Some(How::Ethtool), Some(How::Ioctl), None, None];
    let expected: Vec<Linkbeat> =
        ways.into_iter().enumerate().map(|(number, how)| beat(&format!("eth{number}"), how)).collect();
    assert_eq!(beats, expected);
    assert!(said.iter().any(|text| text == "extra characters mii in linkbeat interface"), "{said:?}");
}

#[test]
fn polling_is_for_the_interfaces_of_instances() {
    assert_eq!(beats(INSTANCE).0, []);
    assert_eq!(beats(&format!("linkbeat_use_polling\n{INSTANCE}")).0, [beat("eth0", None)]);
    let own = INSTANCE.replace("interface eth0", "interface eth0\n linkbeat_use_polling");
    assert_eq!(beats(&own).0, [beat("eth0", None)]);
}
