//! The article's two keepalived.conf, as they were published: what keepalived says of them, what they mean, what
//! check-config says of them.
#![allow(clippy::expect_used, clippy::panic, reason = "a helper of a test stops the test")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rkeep_parsers::diag::{Diagnostic, Severity};
use rkeep_parsers::ir::vrrp::{Auth, InitialState};
use rkeep_parsers::keepalived::{Loopback, Machine, Mode, Pass, ScriptState, legacy_lines, load, test_code};
use rkeep_parsers::lower::Loaded;
use rkeep_parsers::source::MapLoader;

/// A machine with or without eth0.
struct Box {
    eth0: bool,
}

impl Machine for Box {
    fn interface(&self, name: &str) -> Option<Loopback> {
        (self.eth0 && name == "eth0").then_some(Loopback(false))
    }
    fn user(&self, _: &str, _: Option<&str>) -> bool {
        true
    }
    fn script(&self, _: &str) -> ScriptState {
        ScriptState::Missing
    }
    fn host_name(&self) -> String {
        "box".to_owned()
    }
}

fn article(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/article/literal").join(name);
    std::fs::read(path).expect("the article's file is there")
}

fn loaded(name: &str, eth0: bool, resolves: bool, mode: Mode) -> Loaded {
    let loader = MapLoader::default().file("article.conf", article(name));
    let address = "192.0.2.25".parse().expect("an address");
    let loader = if resolves { loader.host("www.linuxzen.com", &[address]) } else { loader };
    load(Path::new("article.conf"), "box", &loader, &Box { eth0 }, mode)
}

fn lines(loaded: &Loaded) -> Vec<&str> {
    legacy_lines(&loaded.diagnostics).collect()
}

const FILES: [&str; 2] = ["master-keepalived.conf", "backup-keepalived.conf"];
const MAIL: &str = "(Line 6) Invalid smtp server www.linuxzen.com 25";
const NAT_MASK: &str = "(article.conf: Line 30) Unknown keyword 'nat_mask'";
const NB_GET_RETRY: &str = "(article.conf: Line 38) Unknown keyword 'nb_get_retry'";

#[test]
fn config_test_prints_what_keepalived_prints() {
    for file in FILES {
        let without_name = loaded(file, true, false, Mode::Test);
        assert_eq!(lines(&without_name), [MAIL, NAT_MASK, NB_GET_RETRY]);
        assert_eq!(test_code(&without_name.diagnostics), 5);
        assert_eq!(lines(&loaded(file, true, true, Mode::Test)), [NAT_MASK, NB_GET_RETRY]);
        let without_both = loaded(file, false, false, Mode::Test);
        let missing = "(article.conf: Line 13) WARNING - interface eth0 for vrrp_instance VI_1 doesn't exist";
        let all = [MAIL, NAT_MASK, NB_GET_RETRY, missing, "Non-existent interface specified in configuration"];
        assert_eq!(lines(&without_both), all);
        assert_eq!(test_code(&without_both.diagnostics), 5);
    }
}

#[test]
fn each_process_says_its_own_part() {
    let said = |pass| loaded(FILES[0], true, false, Mode::Run(pass));
    assert_eq!(lines(&said(Pass::Parent)), [MAIL]);
    assert_eq!(lines(&said(Pass::Checkers)), [NAT_MASK, NB_GET_RETRY]);
    assert_eq!(lines(&said(Pass::Vrrp)), [""; 0]);
    assert!(said(Pass::Vrrp).ir.is_some());
    assert!(loaded(FILES[0], false, true, Mode::Run(Pass::Vrrp)).ir.is_none(), "the VRRP process exits without eth0");
    assert!(loaded(FILES[0], false, true, Mode::Run(Pass::Parent)).ir.is_some());
}

#[test]
fn the_model_is_what_the_article_describes() {
    for (file, state, priority) in [(FILES[0], InitialState::Master, 100), (FILES[1], InitialState::Backup, 99)] {
        let ir = loaded(file, true, true, Mode::Run(Pass::Parent)).ir.expect("it loads");
        let global = ir.global.expect("global_defs");
        assert_eq!(global.email_to, ["cold_night@linuxzen.com"]);
        assert_eq!(global.email_from.as_deref(), Some("root@linuxzen.com"));
        assert_eq!(global.router_id, "LVS_DEVEL");
        let router = ir.routers.values().next().expect("VI_1");
        assert_eq!((router.initial, router.priority, router.vrid), (state, priority, 51));
        assert_eq!(router.auth, Auth::Pass(*b"1111\0\0\0\0"));
        assert_eq!(router.addresses.iter().map(|line| line.address.to_string()).collect::<Vec<_>>(), ["192.168.3.253"]);
        let service = ir.services.values().next().expect("the virtual server");
        assert_eq!(service.shown(), "[192.168.3.253]:tcp:80");
        assert_eq!(service.persistence, Some(Duration::from_secs(50)));
        let first = &service.real_servers[0];
        assert_eq!((first.weight, first.smtp_alert), (3, true));
        let check = &first.checks[0];
        assert_eq!(check.connect, SocketAddr::from(([192, 168, 3, 1], 80)));
        assert_eq!((check.timeout.as_secs(), check.retry, check.delay_before_retry.as_secs()), (10, 1, 3));
        assert_eq!(check.delay_loop, Duration::from_secs(6));
    }
}

#[test]
fn check_config_names_the_old_words_with_what_to_write() {
    for file in FILES {
        let loaded = loaded(file, false, false, Mode::Check { own: false });
        let errors = loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let shown = |found: &Diagnostic| {
            let place = loaded.sources.position(found.at.as_ref().expect("a place").span);
            (place.line, place.column, found.help.clone().unwrap_or_default())
        };
        let errors: Vec<_> = errors.map(shown).collect();
        assert_eq!(errors.iter().map(|(line, column, _)| (*line, *column)).collect::<Vec<_>>(), [(30, 5), (38, 13)]);
        assert!(errors[0].2.contains("removed in keepalived 1.2.20"), "{}", errors[0].2);
        assert!(errors[1].2.contains("write retry N"), "{}", errors[1].2);
    }
}
