//! The same tests on the originals and on rkeep: what they share. The boxes, clients, mail server and ear on the wire
//! are `rkeep::rehearse`'s.
#![allow(clippy::expect_used, clippy::panic, reason = "a harness that cannot build its world fails its test")]

use std::path::PathBuf;

use rkeep::rehearse::Subject;

/// Whom the tests test, as `RKEEP_SUBJECT` says: `rkeep` (the default) or `original`.
///
/// # Panics
/// Another word, or no rkeep has been built.
pub fn subject() -> Subject {
    match std::env::var("RKEEP_SUBJECT").as_deref() {
        Ok("original") => Subject::Original,
        Ok("rkeep") | Err(_) => rkeep(),
        Ok(other) => panic!("RKEEP_SUBJECT={other}: it must be rkeep or original"),
    }
}

/// rkeep's executable: `RKEEP_BIN`, or the one that was built beside this test.
///
/// # Panics
/// There is none.
pub fn rkeep() -> Subject {
    let built = || {
        let test = std::env::current_exe().expect("/proc is mounted");
        test.ancestors().nth(2).map(|directory| directory.join("rkeep")).unwrap_or_default()
    };
    let path = std::env::var_os("RKEEP_BIN").map_or_else(built, PathBuf::from);
    assert!(path.is_file(), "{}: not built yet; run `cargo build` first", path.display());
    Subject::Rkeep(path)
}

/// Whether the tests run on the originals: then what they do not have (a virtual server without IPVS) is not asked.
pub fn on_original() -> bool {
    subject() == Subject::Original
}
