//! The table of directives as a whole, and what is generated from it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use rkeep_parsers::keepalived;
use rkeep_parsers::nginx::manual;
use rkeep_parsers::table::{Row, Status};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn a_keyword_has_one_row_in_a_block() {
    let mut seen: HashMap<(&str, &str), &Row> = HashMap::new();
    for row in manual::rows() {
        for context in row.contexts.names() {
            let before = seen.insert((row.keyword, context), row);
            assert!(before.is_none(), "{} in {context}: {} and {}", row.keyword, row.module, before.unwrap().module);
        }
    }
    assert!(seen.len() > 1000, "{} rows", seen.len());
}

#[test]
fn what_works_is_documented() {
    for row in manual::rows().iter().filter(|row| !matches!(row.status, Status::Refused(_))) {
        let why = matches!(row.status, Status::Ignored(why) if !why.is_empty());
        assert!(!row.doc.is_empty() || why, "{} has no words", row.keyword);
        assert!(row.contexts.names().next().is_some(), "{} belongs nowhere", row.keyword);
    }
}

#[test]
fn proofs_exist() {
    for row in manual::rows() {
        let Status::Proof(proof) = row.status else { continue };
        let (area, test) = proof.split_once('/').expect("area/test");
        let file = root().join(format!("compat-tests/tests/{area}.rs"));
        let text = fs::read_to_string(&file).unwrap_or_default();
        assert!(text.contains(&format!("fn {test}(")), "{}: no {test} in {}", row.keyword, file.display());
    }
}

/// `RKEEP_REWRITE=1 cargo test -p rkeep-parsers --test table` writes the README's tables anew.
#[test]
fn the_readme_shows_the_tables() {
    let path = root().join("README.md");
    let text = fs::read_to_string(&path).expect("README.md");
    let written = replaced(&text, "nginx directives", &manual::table());
    let written = replaced(&written, "keepalived keywords", &keepalived::manual::table());
    if std::env::var_os("RKEEP_REWRITE").is_some() {
        fs::write(path, written).expect("README.md can be written");
    } else {
        assert!(text == written, "README.md is stale: RKEEP_REWRITE=1 rewrites it");
    }
}

/// A text with a table of its in place of the one there is.
fn replaced(text: &str, what: &str, table: &str) -> String {
    let (start, end) =
        (format!("<!-- {what}: written by parsers/tests/table.rs -->\n"), format!("<!-- end of {what} -->"));
    let (before, rest) = text.split_once(&start).expect("the table's beginning");
    let (_, after) = rest.split_once(&end).expect("the table's end");
    format!("{before}{start}{table}{end}{after}")
}
