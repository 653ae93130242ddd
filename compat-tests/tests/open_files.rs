//! `open_file_cache`: what is served of files that change meanwhile. The same on nginx and on rkeep.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use rkeep::rehearse::{Node, eventually};
use rkeep_compat_tests::subject;

/// Longer than what is known counts, and how much that is.
const LATER: Duration = Duration::from_millis(9500);

const CONF: &str = "user root root;
worker_processes 1;
error_log logs/error.log;
pid logs/nginx.pid;
events {}
http {
    access_log off;
    root /usr/local/nginx/files;
    open_file_cache max=100 inactive=60s;
    open_file_cache_valid 8s;
    server {
        listen 80;
        location /errors/ { open_file_cache_errors on; }
        location /twice/ { open_file_cache_min_uses 2; }
        location /off/ { open_file_cache off; }
        location /tried/ { open_file_cache_errors on; try_files $uri /tried/other; }
    }
}
";

fn web() -> Node {
    let node = Node::new("web", "127.0.0.1 localhost\n", &[subject().as_nginx()]).unwrap();
    node.shell("ip link set lo up; mkdir -p /usr/local/nginx/logs").unwrap();
    node.write("/usr/local/nginx/conf/nginx.conf", CONF).unwrap();
    put(&node, "tried/other", "other");
    let start = "/usr/local/nginx/sbin/nginx -p /usr/local/nginx/ -c conf/nginx.conf -e logs/error.log";
    assert_eq!(node.shell(start).unwrap().code(), Some(0));
    assert!(eventually(Duration::from_secs(10), || get(&node, "tried/other") == "other 200"));
    node
}

/// A new file in the place of what was there.
fn put(node: &Node, path: &str, text: &str) {
    let path = format!("/usr/local/nginx/files/{path}");
    node.write(format!("{path}.new"), text).unwrap();
    assert_eq!(node.shell(&format!("mv {path}.new {path}")).unwrap().code(), Some(0));
}

fn remove(node: &Node, path: &str) {
    assert_eq!(node.shell(&format!("rm /usr/local/nginx/files/{path}")).unwrap().code(), Some(0));
}

/// The answer's body, where it is the file's, and status.
fn get(node: &Node, path: &str) -> String {
    let said = node.shell(&format!("curl -s -m 5 -w ' %{{http_code}}' http://127.0.0.1/{path}")).unwrap().stdout;
    if said.starts_with('<') { said.rsplit_once(' ').unwrap().1.to_owned() } else { said }
}

#[test]
fn a_file_is_served_as_it_was_until_it_is_looked_at_again() {
    let node = web();
    for path in ["kept", "gone", "grown", "off/kept"] {
        put(&node, path, "before");
        assert_eq!(get(&node, path), "before 200");
    }
    put(&node, "kept", "afterwards");
    put(&node, "off/kept", "afterwards");
    remove(&node, "gone");
    node.shell("echo -n ' and more' >>/usr/local/nginx/files/grown").unwrap();
    assert_eq!(get(&node, "kept"), "before 200");
    assert_eq!(get(&node, "gone"), "before 200");
    assert_eq!(get(&node, "grown"), "before 200", "its length is that of before");
    assert_eq!(get(&node, "off/kept"), "afterwards 200");
    std::thread::sleep(LATER);
    assert_eq!(get(&node, "kept"), "afterwards 200");
    assert_eq!(get(&node, "gone"), "404");
    assert_eq!(get(&node, "grown"), "before and more 200");
}

#[test]
fn errors_are_remembered_only_where_that_is_asked_for() {
    let node = web();
    node.shell("mkdir -p /usr/local/nginx/files/errors").unwrap();
    for path in ["errors/new", "new"] {
        assert_eq!(get(&node, path), "404");
        put(&node, path, "here");
    }
    assert_eq!(get(&node, "tried/new"), "other 200");
    put(&node, "tried/new", "here");
    assert_eq!(get(&node, "errors/new"), "404");
    assert_eq!(get(&node, "new"), "here 200");
    assert_eq!(get(&node, "tried/new"), "other 200");
    std::thread::sleep(LATER);
    assert_eq!(get(&node, "errors/new"), "here 200");
    assert_eq!(get(&node, "tried/new"), "here 200");
}

#[test]
fn a_file_stays_open_once_it_has_been_used_often_enough() {
    let node = web();
    put(&node, "twice/file", "first");
    assert_eq!(get(&node, "twice/file"), "first 200");
    put(&node, "twice/file", "second");
    assert_eq!(get(&node, "twice/file"), "second 200", "one use does not keep it");
    put(&node, "twice/file", "third");
    assert_eq!(get(&node, "twice/file"), "second 200", "two do");
}

#[test]
fn a_directory_is_known_too() {
    let node = web();
    node.shell("mkdir -p /usr/local/nginx/files/dir").unwrap();
    assert_eq!(get(&node, "dir"), "301");
    put(&node, "dir/index.html", "index");
    assert_eq!(get(&node, "dir/"), "index 200");
    put(&node, "dir/index.html", "another");
    assert_eq!(get(&node, "dir/"), "index 200");
    assert_eq!(get(&node, "dir"), "301");
}
