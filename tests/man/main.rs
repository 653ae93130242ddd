//! Manual pages and completions are made of the tables and command lines they are about; this holds them current.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faces;
mod language;
mod page;
mod program;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use clap_complete::Shell;
use clap_complete::aot::Generator;

/// What is generated, by its place in the project.
fn generated() -> Vec<(String, String)> {
    let pages = pages().map(|(name, page)| (format!("man/{name}"), page));
    let completions = [Shell::Bash, Shell::Zsh, Shell::Fish].map(|shell| {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut rkeep::cli::manual::rkeep(), "rkeep", &mut script);
        let script = String::from_utf8(script).expect("clap writes text");
        (format!("packaging/{}", shell.file_name("rkeep")), script)
    });
    pages.into_iter().chain(completions).collect()
}

fn pages() -> [(&'static str, String); 5] {
    [
        ("rkeep.8", program::page()),
        ("nginx.8", faces::nginx()),
        ("keepalived.8", faces::keepalived()),
        ("nginx.conf.5", language::nginx()),
        ("keepalived.conf.5", language::keepalived()),
    ]
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `RKEEP_REWRITE=1 cargo test --test man` writes them anew.
#[test]
fn what_is_generated_is_current() {
    for (name, text) in generated() {
        let path = root().join(&name);
        if std::env::var_os("RKEEP_REWRITE").is_some() {
            fs::write(path, text).expect("it can be written");
        } else {
            let stored = fs::read_to_string(path).unwrap_or_default();
            assert!(stored == text, "{name} is stale: RKEEP_REWRITE=1 cargo test --test man rewrites it");
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
        let said =
            Command::new("groff").args(arguments).arg(root().join("man").join(name)).output().expect("groff runs");
        assert!(said.status.success() && said.stderr.is_empty(), "{name}: {}", String::from_utf8_lossy(&said.stderr));
    }
}
