//! Plans for tests, from keepalived's own language.

use std::path::Path;

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
