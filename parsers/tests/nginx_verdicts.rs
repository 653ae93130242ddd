//! What rkeep says about small configurations is what nginx 1.31.5 said, line by line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cases;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rkeep_parsers::diag::legacy;
use rkeep_parsers::nginx::Setup;
use rkeep_parsers::source::{Loader, MapLoader};

/// A machine with two users that resolves no names.
struct Machine(MapLoader);

impl Loader for Machine {
    fn load(&self, path: &Path) -> io::Result<std::sync::Arc<[u8]>> {
        self.0.load(path)
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        self.0.glob(pattern)
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.0.resolve(host)
    }

    fn knows_user(&self, user: &str) -> bool {
        matches!(user, "root" | "nobody")
    }

    fn knows_group(&self, group: &str) -> bool {
        matches!(group, "root" | "nogroup")
    }
}

fn said(case: &cases::Case) -> (bool, Vec<String>) {
    let files = case
        .files
        .iter()
        .fold(MapLoader::default(), |loader, (name, text)| loader.file(Path::new("/t").join(name), text.as_bytes()));
    let setup = Setup { path: "/t/nginx.conf".into(), prefix: "/t/".into(), ..Setup::default() };
    let loaded = setup.load(&Machine(files));
    let lines = legacy::nginx(&loaded.diagnostics);
    let lines = lines.iter().map(|line| format!("[{}] {}", line.level, line.text).replace("/t/", ""));
    (loaded.ir.is_some(), lines.collect())
}

#[test]
fn the_same_lines_as_nginx() {
    let mut wrong = Vec::new();
    let all = cases::all();
    for case in &all {
        let (accepted, lines) = said(case);
        let refused = case.lines.iter().any(|line| line.starts_with("[emerg]"));
        if lines != case.lines || accepted == refused {
            wrong.push(format!("{}\n   nginx {:?}\n   rkeep {:?}", case.title, case.lines, lines));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), all.len(), wrong.join("\n"));
}
