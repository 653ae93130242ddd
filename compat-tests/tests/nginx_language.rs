//! nginx.conf: what `nginx -t` says about small configurations, word for word, on nginx and on rkeep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../parsers/tests/cases/mod.rs"]
mod cases;

use rkeep::rehearse::Node;
use rkeep_compat_tests::{on_original, subject};

const NGINX: &str = "/usr/local/nginx/sbin/nginx";

/// What `-t` said about a case: whether it accepted, and the lines with a level.
fn said(node: &Node, case: &cases::Case, dir: &str) -> (bool, Vec<String>) {
    node.shell(&format!("mkdir -p {dir}/logs")).unwrap();
    for (name, text) in &case.files {
        node.write(format!("{dir}/{name}"), text.clone()).unwrap();
    }
    let prefix = format!("{dir}/");
    let ended = node.run(&[NGINX, "-t", "-p", &prefix, "-c", "nginx.conf", "-e", "logs/error.log"]).unwrap();
    let lines = ended.stderr.lines().filter_map(|line| line.strip_prefix("nginx: ["));
    (ended.code() == Some(0), lines.map(|line| format!("[{line}").replace(&prefix, "")).collect())
}

#[test]
fn what_is_said_about_a_file() {
    let node = Node::new("lang", "127.0.0.1 localhost\n", &[subject().as_nginx()]).unwrap();
    node.shell("ip link set lo up").unwrap();
    let mut wrong = Vec::new();
    // Debian's nginx is 1.22, rkeep speaks as 1.31.
    let asked: Vec<_> = cases::all().into_iter().filter(|case| !(case.newer && on_original())).collect();
    for (at, case) in asked.iter().enumerate() {
        let (accepted, lines) = said(&node, case, &format!("/usr/local/nginx/case{at}"));
        let refused = case.lines.iter().any(|line| line.starts_with("[emerg]"));
        if lines != case.lines || accepted == refused {
            wrong.push(format!("{}\n   recorded {:?}\n   said     {lines:?} ({accepted})", case.title, case.lines));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), asked.len(), wrong.join("\n"));
}
