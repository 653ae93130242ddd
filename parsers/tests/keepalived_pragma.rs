//! Pragmas of keepalived.conf: what they change, and that nobody else sees them.
#![allow(clippy::expect_used, reason = "a helper of a test stops the test")]

use std::path::Path;

use rkeep_parsers::diag::Diagnostic;
use rkeep_parsers::ir::Ir;
use rkeep_parsers::keepalived::{AnyMachine, Mode, load, test_code};
use rkeep_parsers::source::MapLoader;

fn read(text: &str, mode: Mode) -> (Option<Ir>, Vec<Diagnostic>) {
    let loader = MapLoader::default().file("k.conf", text);
    let loaded = load(Path::new("k.conf"), "box", &loader, &AnyMachine, mode);
    (loaded.ir, loaded.diagnostics)
}

fn instance(name: &str, vrid: u8, more: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n priority 100\n{more} \
         virtual_ipaddress {{\n 192.168.3.{vrid}\n }}\n}}\n"
    )
}

fn follow(text: &str) -> Vec<bool> {
    let (ir, found) = read(text, Mode::Check { own: false });
    assert_eq!(found, [], "{text}");
    ir.expect("it loads").routers.values().map(|router| router.follows_service).collect()
}

fn errors(text: &str) -> Vec<String> {
    let (_, found) = read(text, Mode::Check { own: false });
    found.into_iter().filter(|found| found.code == "rkeep::pragma").map(|found| found.message).collect()
}

#[test]
fn an_instance_follows_the_ability_to_serve_unless_told_otherwise() {
    let (one, two) = (instance("VI_1", 51, ""), instance("VI_2", 52, ""));
    assert_eq!(follow(&format!("{one}{two}")), [true, true]);
    let off = instance("VI_1", 51, "  #rkeep: vip follow-service=off\n");
    assert_eq!(follow(&format!("{off}{two}")), [false, true]);
    assert_eq!(follow(&format!("{one}{two}#rkeep: vip follow-service=off\n")), [false, false]);
    let on = instance("VI_2", 52, "#rkeep: vip follow-service=on\n");
    assert_eq!(follow(&format!("#rkeep: vip follow-service=off\n{one}{on}")), [false, true]);
}

#[test]
fn what_no_pragma_says_is_an_error_with_its_place() {
    let one = instance("VI_1", 51, "#rkeep: vip sometimes\n");
    assert_eq!(errors(&one), ["\"sometimes\" says nothing of a vip"]);
    assert_eq!(errors(&format!("#rkeep: faster\n{}", instance("VI_1", 51, ""))), ["unknown pragma \"faster\""]);
    let within = "global_defs {\n#rkeep: vip follow-service=off\n}\n";
    assert_eq!(errors(within), ["\"vip\" stands in a vrrp_instance, or outside of all blocks"]);
    let (_, found) = read("#rkeep:\n", Mode::Check { own: false });
    assert_eq!(
        found.iter().filter(|found| found.code == "rkeep::pragma").filter(|found| found.at.is_some()).count(),
        1
    );
}

#[test]
fn other_comments_and_the_originals_own_test_see_nothing() {
    let text = format!("# rkeep: faster\n!rkeep: faster\n{}", instance("VI_1", 51, " state BACKUP #rkeep: faster\n"));
    assert_eq!(errors(&text), [""; 0]);
    let wrong = format!("#rkeep: faster\n{}", instance("VI_1", 51, ""));
    let (_, found) = read(&wrong, Mode::Test);
    assert_eq!(test_code(&found), 0);
    assert!(found.iter().all(|found| found.legacy.is_none()));
}

#[test]
fn compat_makes_newer_words_unknown_wherever_it_stands() {
    let one = instance("VI_1", 51, " owner_ignore_adverts\n");
    let unknown = |text: &str| {
        let (_, found) = read(text, Mode::Check { own: false });
        let unknown = found.into_iter().filter(|found| found.code == "keepalived::unknown-keyword");
        unknown.map(|found| found.help.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(unknown(&one), [""; 0]);
    let help = ["this word came after keepalived 2.2: delete it, or the pragma compat"];
    assert_eq!(unknown(&format!("{one}#rkeep: compat keepalived=2.2\n")), help);
    assert_eq!(unknown(&format!("#rkeep: compat keepalived=2.2\n{one}")), help);
    assert_eq!(unknown(&format!("#rkeep: compat keepalived=2.4\n{one}")), [""; 0]);
    let text = format!("#rkeep: compat keepalived=old\n{}", instance("VI_1", 51, ""));
    assert_eq!(errors(&text), ["\"keepalived=old\" is no release such as nginx=1.22 or keepalived=2.2"]);
}

#[test]
fn a_refused_value_is_told_once() {
    let text = instance("VI_1", 51, "").replace("router_id 51", "router_id 300");
    let (_, found) = read(&text, Mode::Check { own: false });
    let messages: Vec<&str> = found.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(messages, ["number '300' outside range [1, 255]"]);
    assert_eq!(found.first().and_then(|found| found.help.as_deref()), Some("a whole number from 1 to 255"));
    // keepalived's own test says all that keepalived says.
    let (_, found) = read(&text, Mode::Test);
    assert_eq!(found.len(), 3, "{found:?}");
}
