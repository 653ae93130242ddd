//! The manual pages are made of the tables and command lines they describe; this holds them current.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faces;
mod language;
mod page;
mod program;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

fn pages() -> [(&'static str, String); 5] {
    [
        ("rkeep.8", program::page()),
        ("nginx.8", faces::nginx()),
        ("keepalived.8", faces::keepalived()),
        ("nginx.conf.5", language::nginx()),
        ("keepalived.conf.5", language::keepalived()),
    ]
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/man"))
}

/// `RKEEP_REWRITE=1 cargo test --test man` writes the pages anew.
#[test]
fn pages_are_current() {
    for (name, page) in pages() {
        let path = directory().join(name);
        if std::env::var_os("RKEEP_REWRITE").is_some() {
            fs::write(path, page).expect("man/ can be written");
        } else {
            let stored = fs::read_to_string(path).unwrap_or_default();
            assert!(stored == page, "man/{name} is stale: RKEEP_REWRITE=1 cargo test --test man rewrites it");
        }
    }
}

#[test]
fn groff_has_nothing_to_say() {
    if Command::new("groff").arg("--version").stdout(Stdio::null()).status().is_err() {
        return println!("NOT RUN: there is no groff here");
    }
    for (name, _) in pages() {
        let arguments = ["-Kutf8", "-man", "-Tutf8", "-ww", "-z"];
        let said = Command::new("groff").args(arguments).arg(directory().join(name)).output().expect("groff runs");
        assert!(said.status.success() && said.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&said.stderr));
    }
}
