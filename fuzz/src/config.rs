//! Both configuration languages, from bytes to the model and to what is said about them.

use std::path::Path;

use rkeep_parsers::diag::report::{self, Style};
use rkeep_parsers::diag::{Severity, json, legacy};
use rkeep_parsers::keepalived::{self, AnyMachine, Mode, Pass};
use rkeep_parsers::lower::Loaded;
use rkeep_parsers::nginx;
use rkeep_parsers::source::MapLoader;
use rkeep_parsers::table::Compat;

const NGINX: &str = "/etc/nginx/nginx.conf";
const KEEPALIVED: &str = "/etc/keepalived/keepalived.conf";

/// nginx.conf: lexer, table, lowering; whoever has no error has a model.
pub fn nginx_conf(bytes: &[u8]) {
    let files = MapLoader::default().file(NGINX, bytes);
    let loaded = nginx::load(Path::new(NGINX), Path::new("/etc/nginx"), None, &files, Compat::default());
    judge(&loaded);
    legacy::nginx(&loaded.diagnostics).iter().for_each(|line| drop(format!("{line:?}")));
}

/// keepalived.conf: lexer, table, lowering, as check-config, `-t` and the daemon's processes read it.
pub fn keepalived_conf(bytes: &[u8]) {
    let files = MapLoader::default().file(KEEPALIVED, bytes);
    let modes = [
        Mode::Check { own: false },
        Mode::Test,
        Mode::Run(Pass::Parent),
        Mode::Run(Pass::Vrrp),
        Mode::Run(Pass::Checkers),
    ];
    for mode in modes {
        let loaded = keepalived::load(Path::new(KEEPALIVED), "box", &files, &AnyMachine, mode);
        if matches!(mode, Mode::Check { .. }) {
            judge(&loaded);
        }
        keepalived::legacy_lines(&loaded.diagnostics).for_each(|line| drop(line.to_owned()));
    }
}

/// Findings that are drawn: drawing takes far longer than reading.
const DRAWN: usize = 2;

/// Findings can be shown in every form, and a file without an error gives a model.
fn judge(loaded: &Loaded) {
    let drawn = loaded.diagnostics.get(..DRAWN).unwrap_or(&loaded.diagnostics);
    report::render(drawn, &loaded.sources, Style::Plain);
    json::render(drawn, &loaded.sources);
    let wrong = loaded.diagnostics.iter().any(|found| found.severity == Severity::Error);
    assert!(wrong || loaded.ir.is_some(), "no error and no model");
}
