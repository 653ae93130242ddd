//! nginx's language as text: nothing of a file is lost in its tree, and no bytes bring the reading down.
#![allow(clippy::expect_used, reason = "testdata that cannot be read must stop the test")]

mod cases;

use std::fs;
use std::path::Path;

use rkeep_parsers::nginx::Setup;
use rkeep_parsers::source::{FileId, MapLoader, Span};
use rkeep_parsers::syntax::nginx::{Origin, parse};
use rkeep_parsers::syntax::tree::Block;

/// All texts of testdata that nginx reads: the article's and the cases'.
fn texts() -> Vec<(String, Vec<u8>)> {
    let mut texts: Vec<(String, Vec<u8>)> = Vec::new();
    for case in cases::all() {
        let named = |(name, text): (String, String)| (format!("{} ({name})", case.title), text.into_bytes());
        texts.extend(case.files.into_iter().map(named));
    }
    for dir in ["article/literal", "article/completed"] {
        let files = fs::read_dir(cases::testdata().join(dir)).expect("the article's files").flatten();
        for path in files.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains("nginx")) {
            texts.push((path.display().to_string(), fs::read(&path).expect("a file")));
        }
    }
    texts
}

/// The spans of all words and signs of a block, in order.
fn spans(block: &Block, all: &mut Vec<Span>) {
    for directive in &block.items {
        all.push(directive.name.span);
        all.extend(directive.args.iter().map(|word| word.span));
        all.push(directive.end);
        if let Some(inner) = &directive.block {
            spans(inner, all);
            all.push(inner.close);
        }
    }
}

fn is_sound(block: &Block) -> bool {
    block.broken.is_empty() && block.items.iter().filter_map(|item| item.block.as_deref()).all(is_sound)
}

/// Spaces and comments.
fn is_gap(text: &[u8]) -> bool {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.into_iter().all(|line| line.is_empty() || line.starts_with(b"#"))
}

#[test]
fn the_tree_and_its_gaps_are_the_file() {
    let mut seen = 0;
    for (name, text) in texts() {
        let block = parse(FileId(0), &text, Origin::File);
        if !is_sound(&block) {
            continue;
        }
        seen += 1;
        let mut all = Vec::new();
        spans(&block, &mut all);
        let mut printed = Vec::new();
        for span in all {
            let gap = &text[printed.len()..span.start as usize];
            assert!(is_gap(gap), "{name}: {:?} is in no span", String::from_utf8_lossy(gap));
            printed.extend_from_slice(gap);
            printed.extend_from_slice(&text[span.start as usize..span.end as usize]);
        }
        let rest = &text[printed.len()..];
        assert!(is_gap(rest), "{name}: {:?} is in no span", String::from_utf8_lossy(rest));
        printed.extend_from_slice(rest);
        assert_eq!(printed, text, "{name}");
    }
    assert!(seen > 250, "{seen} texts");
}

/// A small generator of numbers: the same run each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

fn damaged(text: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    const BYTES: &[u8] = b"{};\"'\\$# \n\t\r()~=*^@:/.-0aZ\x00\x80\xff";
    let mut text = text.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(text.len());
        match numbers.below(4) {
            0 if !text.is_empty() => drop(text.remove(at)),
            1 if !text.is_empty() => text[at] = BYTES[numbers.below(BYTES.len())],
            2 => text.truncate(at),
            _ => text.insert(at.min(text.len()), BYTES[numbers.below(BYTES.len())]),
        }
    }
    text
}

#[test]
fn damaged_files_are_refused_not_suffered() {
    let mut numbers = Numbers(7);
    let texts = texts();
    for round in 0..8 {
        for (name, text) in &texts {
            let text = damaged(text, &mut numbers);
            let loader = MapLoader::default().file("/t/nginx.conf", text.clone()).file("/t/a.conf", text);
            let setup = Setup { path: "/t/nginx.conf".into(), prefix: "/t".into(), ..Setup::default() };
            let loaded = setup.load(&loader);
            let report = rkeep_parsers::diag::report::render(&loaded.diagnostics, &loaded.sources, Default::default());
            assert!(loaded.ir.is_some() || !report.is_empty(), "{name}, round {round}: refused without a word");
        }
    }
}

#[test]
fn deep_and_wide_files_have_limits() {
    let deep = MapLoader::default().file("/t/nginx.conf", "a {".repeat(100_000));
    let setup = Setup { path: "/t/nginx.conf".into(), prefix: "/t".into(), ..Setup::default() };
    assert!(setup.load(&deep).ir.is_none());
    let wide = MapLoader::default()
        .file("/t/nginx.conf", "include a; include a;")
        .file("/t/a", "include b; include b;")
        .file("/t/b", "include a;");
    let loaded = setup.load(&wide);
    assert!(loaded.ir.is_none());
    let line = loaded.diagnostics[0].legacy.as_ref().map(|legacy| legacy.line.as_str());
    assert_eq!(line, Some("open() \"/t/a\" failed (24: Too many open files) in /t/b:1"));
}

#[test]
fn a_missing_file_is_told_as_nginx_tells_it() {
    let setup = Setup { path: "/t/nginx.conf".into(), prefix: "/t".into(), ..Setup::default() };
    let loaded = setup.load(&MapLoader::default());
    let line = loaded.diagnostics[0].legacy.as_ref().map(|legacy| legacy.line.as_str());
    assert_eq!(line, Some("open() \"/t/nginx.conf\" failed (2: No such file or directory)"));
    assert_eq!(loaded.sources.path(FileId(0)), Path::new(""));
}

fn loaded(text: &str) -> rkeep_parsers::lower::Loaded {
    let setup = Setup { path: "/t/nginx.conf".into(), prefix: "/t".into(), ..Setup::default() };
    setup.load(&MapLoader::default().file("/t/nginx.conf", text))
}

#[test]
fn a_line_without_its_semicolon_is_named() {
    let help = |server: &str| {
        let found = loaded(&format!("events {{}}\nhttp {{ server {{\n{server}\n}} }}\n")).diagnostics;
        found.into_iter().find_map(|found| found.help).unwrap_or_default()
    };
    let expected = r#"end "listen" with ";" before the line that begins with "root""#;
    assert_eq!(help("listen 80\nroot /x;"), expected);
    // nginx takes it for a name.
    let expected = r#"end "server_name" with ";" before the line that begins with "listen""#;
    assert_eq!(help("server_name a.example\nlisten 80;"), expected);
    let expected = r#"end "root" with ";" before the line that begins with "location""#;
    assert_eq!(help("root /x\nlocation / {}"), expected);
    assert_eq!(help("server_name a\n b\n \"listen\";"), "");
}

#[test]
fn a_finding_is_drawn_with_its_lines_however_many_there_are() {
    let before = "# a long file\n".repeat(70_000);
    let text = format!("{before}events {{}}\nhttp {{\n{}}}\n", "    nonsense on;\n".repeat(1000));
    let loaded = loaded(&text);
    let begun = std::time::Instant::now();
    let report = rkeep_parsers::diag::report::render(&loaded.diagnostics, &loaded.sources, Default::default());
    assert_eq!(loaded.diagnostics.len(), 1000);
    assert!(report.contains("[/t/nginx.conf:71002:5]") && report.contains("71002 │     nonsense on;"));
    // It took minutes when each finding had the whole file read.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}
