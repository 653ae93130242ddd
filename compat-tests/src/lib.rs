//! The same tests on the originals and on rkeep: what they share. The boxes, clients, mail server and ear on the wire
//! are `rkeep::rehearse`'s.
#![allow(clippy::expect_used, clippy::panic, reason = "a harness that cannot build its world fails its test")]

pub mod bench;
pub mod chance;
pub mod crowd;
pub mod differ;
pub mod hold;
pub mod pair;
pub mod prober;
pub mod proxy;
pub mod reload;
pub mod resident;
pub mod soak;
pub mod speaker;
pub mod tls;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use rkeep::rehearse::{Node, Subject};
use rustix::process::Pid;

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
        let beside = |nth| test.ancestors().nth(nth).map(|directory| directory.join("rkeep")).unwrap_or_default();
        // A test lies in `deps`, a program does not.
        if beside(1).is_file() { beside(1) } else { beside(2) }
    };
    let path = std::env::var_os("RKEEP_BIN").map_or_else(built, PathBuf::from);
    assert!(path.is_file(), "{}: not built yet; run `cargo build` first", path.display());
    Subject::Rkeep(path)
}

/// Whether the tests run on the originals: then what they do not have (a virtual server without IPVS) is not asked.
pub fn on_original() -> bool {
    subject() == Subject::Original
}

/// Says that the test at hand is not asked of the original, and why. `compat-tests/run` lists these and does not count
/// them as passed.
pub fn not_asked(why: &str) {
    not_run(&format!("not asked of the original: {why}"));
}

/// Says that the test at hand has asked nobody anything, and why; see [`not_asked`].
pub fn not_run(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    println!("NOT RUN: {test}: {why}");
    if let Some(list) = std::env::var_os("RKEEP_NOT_ASKED") {
        let mut list = OpenOptions::new().append(true).create(true).open(list).expect("the list can be written");
        writeln!(list, "{test}: {why}").expect("the list can be written");
    }
}

/// Whether the kernel balances virtual servers, which keepalived cannot do without.
pub fn kernel_balances() -> bool {
    std::path::Path::new("/proc/net/ip_vs").exists()
}

/// The kernel's ticks in a second, as /proc counts CPU time.
const TICKS: u64 = 100;

/// CPU time that the processes of a name on a box have used, those that still live.
///
/// # Errors
/// /proc cannot be read there.
pub fn busy(node: &Node, name: &str) -> io::Result<Duration> {
    // Read from outside: a box that is kept busy at real-time priority may not come to run a shell.
    let of = |pid: Pid| -> Option<u64> {
        let line = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
        let fields: Vec<&str> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    let named = node.processes()?.into_iter().filter(|process| process.name.contains(name));
    Ok(Duration::from_millis(named.filter_map(|process| of(process.pid)).sum::<u64>() * 1000 / TICKS))
}
