//! What is kept of backends' answers.

use std::fs;

use super::{Bench, Dir};

/// Each answer of the backend is another one.
fn bench(dir: &Dir, location: &str, backend: &str) -> Bench {
    let http = format!("proxy_cache_path {}/cache levels=1:2 keys_zone=one:1m use_temp_path=off;", dir.0.display());
    Bench::with(
        &http,
        &format!(
            "location / {{ proxy_cache one; proxy_pass http://SELF/backend/; add_header X-S $upstream_cache_status; {location} }}
             location /backend/ {{ {backend} return 200 $request_id; }}"
        ),
    )
}

fn status(answer: &str) -> &str {
    answer.lines().find_map(|line| line.strip_prefix("X-S: ")).unwrap_or("none")
}

fn get(bench: &Bench, uri: &str, fields: &str) -> (String, String) {
    let answer = bench.ask(&format!("GET {uri} HTTP/1.0\r\nHost: a\r\n{fields}\r\n"));
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).expect("a head");
    (status(&answer).to_owned(), body)
}

#[test]
fn the_second_time_it_is_there_also_after_a_restart() {
    let dir = Dir::new("restart");
    let first = bench(&dir, "proxy_cache_valid 1h;", "");
    let (miss, body) = get(&first, "/a", "");
    assert_eq!(miss, "MISS");
    assert_eq!(get(&first, "/a", ""), ("HIT".to_owned(), body.clone()));
    assert_ne!(get(&first, "/b", "").1, body);
    let (head, nothing) = {
        let answer = first.ask("HEAD /a HTTP/1.0\r\nHost: a\r\n\r\n");
        (answer.contains("Content-Length: 32\r\n"), answer.ends_with("\r\n\r\n"))
    };
    assert!(head && nothing);
    assert_eq!(get(&first, "/a", "Range: bytes=0-3\r\n").1, body, "the backend offers no ranges");
    assert_eq!(dir.files().len(), 2, "{:?}", dir.files());
    drop(first);
    let second = bench(&dir, "proxy_cache_valid 1h; proxy_cache_key http://OLD$uri;", "");
    assert_eq!(get(&second, "/a", "").0, "MISS", "another key");
    // The same key is the same file, whatever the address.
    let key = "proxy_cache_valid 1h; proxy_cache_key same$uri;";
    let third = bench(&dir, key, "");
    let (_, kept) = get(&third, "/a", "");
    drop(third);
    assert_eq!(get(&bench(&dir, key, ""), "/a", ""), ("HIT".to_owned(), kept));
}

#[test]
fn what_must_not_be_kept_is_not() {
    let dir = Dir::new("not-kept");
    for (location, backend) in [
        ("", ""),
        ("proxy_cache_valid 1h;", "add_header Cache-Control no-store;"),
        ("proxy_cache_valid 1h;", "add_header Set-Cookie a=b;"),
        ("proxy_cache_valid 1h;", "add_header Vary *;"),
        ("proxy_cache_valid 1h; proxy_no_cache 1;", ""),
        ("proxy_cache_valid 1h; proxy_buffering off;", ""),
        ("proxy_cache_valid 1h; proxy_cache_min_uses 3;", ""),
    ] {
        let bench = bench(&dir, location, backend);
        assert_eq!(get(&bench, "/x", "").0, "MISS");
        assert_eq!(get(&bench, "/x", "").0, "MISS", "{location} {backend}");
    }
    assert!(dir.files().is_empty(), "{:?}", dir.files());
}

#[test]
fn variants_are_told_apart() {
    let dir = Dir::new("variants");
    let bench = bench(&dir, "proxy_cache_valid 1h;", "add_header Vary X-Kind;");
    let (first, one) = get(&bench, "/", "X-Kind: 1\r\n");
    let (second, two) = get(&bench, "/", "X-Kind: 2\r\n");
    assert_eq!((first.as_str(), second.as_str()), ("MISS", "MISS"));
    assert_ne!(one, two);
    assert_eq!(get(&bench, "/", "X-Kind: 1\r\n"), ("HIT".to_owned(), one));
    assert_eq!(get(&bench, "/", "X-Kind:  2 ,\r\n"), ("HIT".to_owned(), two));
}

#[test]
fn an_old_answer_is_better_than_none() {
    let dir = Dir::new("stale");
    let stale = "proxy_cache_use_stale http_500; proxy_cache_key k;";
    let backend = "if ($arg_fail) { return 500; } add_header X-Accel-Expires @1;";
    let bench = bench(&dir, stale, backend);
    let (_, body) = get(&bench, "/", "");
    assert_eq!(get(&bench, "/?fail=1", ""), ("STALE".to_owned(), body.clone()));
    let (expired, new) = get(&bench, "/", "");
    assert_eq!(expired, "EXPIRED");
    assert_ne!(new, body);
}

#[test]
fn an_answer_is_stored_where_one_says() {
    let dir = Dir::new("store");
    let bench = Bench::new(&format!(
        "location / {{ proxy_pass http://SELF/backend/; proxy_store {}/$uri; proxy_store_access user:rw all:r; }}
         location /backend/ {{ add_header Last-Modified 'Mon, 02 Mar 2015 17:20:58 GMT'; return 200 stored; }}",
        dir.0.display()
    ));
    assert_eq!(bench.body("/a/b"), "stored");
    let path = dir.0.join("a/b");
    let seen = eventually(|| fs::read_to_string(&path).ok());
    assert_eq!(seen.as_deref(), Some("stored"));
    let meta = fs::metadata(&path).expect("stored");
    let modified = meta.modified().expect("a time").duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    assert_eq!(modified.as_secs(), 1_425_316_858);
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o777, 0o644);
}

/// Asks until there is something, for ten seconds.
fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        match ask() {
            None if std::time::Instant::now() < end => std::thread::sleep(std::time::Duration::from_millis(10)),
            found => return found,
        }
    }
}
