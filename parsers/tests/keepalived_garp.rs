//! `garp_group`: what keepalived 2.4.3 and 2.2.7 print of distances that cannot be.

use std::path::Path;

use rkeep_parsers::keepalived::{AnyMachine, Mode, legacy_lines, load};
use rkeep_parsers::source::MapLoader;

fn lines(pragma: &str, interval: &str) -> Vec<String> {
    let text = format!(
        "garp_group {{\n {interval}\n interfaces {{\n  eth0\n }}\n}}\nvrrp_instance V {{\n interface eth0\n \
         virtual_router_id 5\n virtual_ipaddress {{\n  10.0.0.1\n }}\n}}\n{pragma}"
    );
    let files = MapLoader::default().file("/k.conf", text);
    let loaded = load(Path::new("/k.conf"), "", &files, &AnyMachine, Mode::Test);
    legacy_lines(&loaded.diagnostics).map(|line| line.to_string()).collect()
}

#[test]
fn distances_out_of_range_are_refused_in_two_lines() {
    const GONE: &str = "(/k.conf: Line 6) garp group 1 does not have any delay set - removing";
    let refused = |interval: &str, first: &str| {
        let (keyword, value) = interval.split_once(' ').unwrap_or_default();
        let second = format!("garp_group {keyword} '{value}' invalid");
        let told = lines("", interval);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].ends_with(first) && told[1].ends_with(&second), "{told:?}");
        assert_eq!(told[2], GONE);
    };
    refused("garp_interval -1", "negative number '-1'");
    refused("garp_interval 5000000000", "number '5000000000' outside range [0.000000, 4294.967295]");
    refused("gna_interval 99999", "number '99999' outside range [0.000000, 4294.967295]");
    assert_eq!(lines("", "garp_interval 4294.967295"), [""; 0]);
    let old = lines("#rkeep: compat keepalived=2.2\n", "garp_interval 4294.967295");
    assert!(old[0].ends_with("number '4294.967295' outside range [0.000000, 2147.483647]"), "{old:?}");
}
