//! What unit tests share: plans from keepalived's own language, and a network namespace to run in.

use std::path::Path;
use std::process::Command;

use rkeep_parsers::diag::Severity;
use rkeep_parsers::keepalived::{AnyMachine, Mode, load};
use rkeep_parsers::source::MapLoader;

use crate::plan::{self, Plans};

/// The plans of a keepalived.conf without errors.
pub fn plans(text: &str) -> Plans {
    let path = Path::new("/keepalived.conf");
    let files = MapLoader::default().file(path, text);
    let loaded = load(path, "test", &files, &AnyMachine, Mode::Check { own: false });
    let wrong = loaded.diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let wrong: Vec<&str> = wrong.map(|found| found.message.as_str()).collect();
    assert!(wrong.is_empty(), "{wrong:?} in {text}");
    plan::cut(loaded.ir.expect("a configuration"))
}

/// Whether the test `name` runs in a network namespace of its own, with 10.9.9.9 and fd00::9 on its loopback interface. If
/// not, runs it again in one and fails if it fails there.
pub fn in_namespace(name: &str) -> bool {
    const INSIDE: &str = "RKEEP_TEST_IN_NAMESPACE";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let test = std::env::current_exe().expect("this test");
    let script = "ip link set lo up && ip addr add 10.9.9.9/32 dev lo && ip addr add fd00::9/128 dev lo && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", script, "sh"])
        .arg(test)
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare of util-linux");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}\n{output:?}");
    false
}
