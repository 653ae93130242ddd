//! Small files that keepalived 2.2.7 and 2.4.3 both judged alike: what is accepted stays accepted.
#![allow(clippy::expect_used, reason = "a helper of a test stops the test")]

use std::path::PathBuf;

use rkeep_parsers::diag::Severity;
use rkeep_parsers::keepalived::{AnyMachine, Mode, load, test_code, worst};
use rkeep_parsers::source::DiskLoader;

/// The exit codes of `keepalived -t`, as both versions gave them.
const VERDICTS: [(&str, u8); 5] = [
    ("accepted/services.conf", 0),
    ("accepted/unicast-pair.conf", 0),
    ("rejected/missing-brace.conf", 5),
    ("rejected/missing-value.conf", 2),
    ("rejected/misspelt.conf", 5),
];

#[test]
fn verdicts_are_keepaliveds() {
    for (name, code) in VERDICTS {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/keepalived").join(name);
        let tested = load(&path, "box", &DiskLoader, &AnyMachine, Mode::Test);
        assert_eq!(test_code(&tested.diagnostics), code, "{name}: {:?}", tested.diagnostics);
        let checked = load(&path, "box", &DiskLoader, &AnyMachine, Mode::Check { own: false });
        let refused = worst(&checked.diagnostics) == Some(Severity::Error);
        assert_eq!(refused, code != 0, "{name}: {:?}", checked.diagnostics);
    }
}

#[test]
fn a_misspelt_word_gets_the_right_one() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../testdata/keepalived/rejected/misspelt.conf");
    let checked = load(&path, "box", &DiskLoader, &AnyMachine, Mode::Check { own: false });
    let helps: Vec<&str> = checked.diagnostics.iter().filter_map(|found| found.help.as_deref()).collect();
    assert!(helps.first().expect("a hint").starts_with("did you mean `priority`?"), "{helps:?}");
}
