//! Small configurations with the lines that nginx prints about them, from `testdata/nginx/verdicts`.
#![allow(clippy::expect_used, reason = "helpers of tests only")]
#![allow(dead_code, reason = "not every test that shares the cases looks at all of them")]

use std::fs;
use std::path::{Path, PathBuf};

/// One configuration.
pub struct Case {
    /// `FILE: TITLE`
    pub title: String,
    /// Files by name; the main one is `nginx.conf`.
    pub files: Vec<(String, String)>,
    /// What nginx prints, without `nginx: `, with paths below the configuration's directory.
    #[allow(dead_code, reason = "some tests only want the texts")]
    pub lines: Vec<String>,
    /// nginx 1.22 says something else: a live run of it does not ask.
    pub newer: bool,
}

/// Where testdata is.
pub fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

/// All cases of all files.
pub fn all() -> Vec<Case> {
    let dir = testdata().join("nginx/verdicts");
    let mut files: Vec<_> = fs::read_dir(dir).expect("the verdicts").flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().flat_map(|file| read(file)).collect()
}

fn read(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).expect("a text of cases");
    let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
    let mut cases = text.split("\n=== ").skip(1);
    let cases: Vec<_> = cases.by_ref().map(|case| parse(&name, case)).collect();
    assert!(!cases.is_empty(), "{name} has no cases");
    cases
}

fn parse(file: &str, text: &str) -> Case {
    let (title, rest) = text.split_once('\n').expect("a title");
    let (conf, lines) = match rest.strip_prefix("---\n") {
        Some(lines) => ("", lines),
        None => rest.split_once("\n---\n").expect("a line ---"),
    };
    let mut chunks = conf.split("\n+++ ");
    let main = wrapped(title, chunks.next().unwrap_or_default());
    let more = chunks.map(|chunk| chunk.split_once('\n').unwrap_or((chunk, "")));
    let more = more.map(|(name, text)| (name.to_owned(), format!("{text}\n")));
    Case {
        title: format!("{file}: {title}"),
        files: std::iter::once(("nginx.conf".to_owned(), main)).chain(more).collect(),
        lines: lines.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        newer: title.contains("@1.31"),
    }
}

/// A title may name the block that the text is the inside of; its first line is then the second of the file.
fn wrapped(title: &str, body: &str) -> String {
    let (head, tail) = match title {
        _ if title.contains("[http]") => ("events {} http {\n", "}\n"),
        _ if title.contains("[server]") => ("events {} http { server {\n", "}}\n"),
        _ if title.contains("[location]") => ("events {} http { server { location / {\n", "}}}\n"),
        _ => ("", ""),
    };
    let feed = if body.is_empty() { "" } else { "\n" };
    format!("{head}{body}{feed}{tail}")
}
