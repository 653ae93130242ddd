//! What a backend may be made to see: every known way to make two programs disagree about where a request ends. Each row
//! says what rkeep answers and what nginx 1.31 answers (recorded with `NGINX_BIN`); what reaches the backend is always
//! written anew, and never is there a request that the client's own framing does not hold.
#![allow(clippy::expect_used, clippy::panic, reason = "a test says what is wrong by panicking")]

use std::process::Command;

use rkeep_compat_tests::differ::case::{Case, Token};
use rkeep_compat_tests::differ::minor_version;
use rkeep_compat_tests::differ::side::{Seen, Side};
use rkeep_compat_tests::proxy::Proxy;

/// A request, the status rkeep answers it with, and nginx's. `LOC` stands for the location that is asked.
struct Row {
    name: &'static str,
    request: &'static str,
    rkeep: u16,
    nginx: u16,
}

const SMUGGLED: &str = "GET LOCsmuggled HTTP/1.1\r\nHost: a\r\n\r\n";

macro_rules! rows {
    ($($name:literal $rkeep:literal $nginx:literal $request:expr;)*) => {
        &[$(Row { name: $name, request: $request, rkeep: $rkeep, nginx: $nginx }),*]
    };
}

/// In each `SMUGGLED` stands for a second request that must not be one where the first is refused or contains it.
const ROWS: &[Row] = rows! {
    "plain chunked" 200 200 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    "CL.TE" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE.CL" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE.TE" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE twice the same" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE list" 501 501 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE with CL in it" 501 501 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE vertical tab" 501 501 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE tab" 501 501 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE quoted" 501 501 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE parameter" 501 501 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE empty" 501 501 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\nContent-Length: 5\r\n\r\nhello";
    "TE in HTTP/1.0" 400 400 "POST LOC HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nSMUGGLED";
    "TE with underscore" 200 200 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello";
    "CL twice" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 60\r\n\r\nSMUGGLED";
    "CL twice the same" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello";
    "CL list" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello";
    "CL plus" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello";
    "CL minus" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nSMUGGLED";
    "CL hexadecimal" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello";
    "CL with a space" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello";
    "CL empty" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nSMUGGLED";
    "CL too large a number" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nhello";
    "CL with a tab" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 5\t\r\n\r\nhello";
    "CL on GET" 200 200 "GET LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    "space before the colon" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello";
    "space before the colon of TE" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\nhello";
    "tab before the colon" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length\t: 5\r\n\r\nhello";
    "folded line" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nX-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello";
    "folded value" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\nhello";
    "first line folded" 400 400 "POST LOC HTTP/1.1\r\n Host: a\r\nContent-Length: 5\r\n\r\nhello";
    "bare CR in a value" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nX-A: b\rContent-Length: 50\r\n\r\nSMUGGLED";
    "bare CR in a name" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nX\rContent-Length: 50\r\n\r\nSMUGGLED";
    "bare CR ends the head" 400 400 "GET LOC HTTP/1.1\r\nHost: a\r\n\rSMUGGLED";
    "NUL in a value" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\nContent-Length: 5\r\n\r\nhello";
    "NUL in a name" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nX\0A: b\r\nContent-Length: 5\r\n\r\nhello";
    "NUL in the path" 400 400 "GET LOC\0 HTTP/1.1\r\nHost: a\r\n\r\n";
    "empty name" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\n: b\r\nContent-Length: 5\r\n\r\nhello";
    "bare LF head" 200 200 "POST LOC HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello";
    "chunk extension" 200 200 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n";
    "chunk extension with a bare LF" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\nSMUGGLED";
    "chunk extension with a bare CR" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\rX\r\nhello\r\n0\r\n\r\nSMUGGLED";
    "chunk size ends with LF" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n";
    "chunk data ends with LF" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n";
    "last chunk ends with LF" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\n\nSMUGGLED";
    "chunk data longer than its size" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n";
    "chunk size with 0x" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n";
    "chunk size with a sign" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n";
    "chunk size with a minus" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n";
    "chunk size with a space before" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n";
    "chunk size empty" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n";
    "chunk size beyond 64 bits" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\nSMUGGLED";
    "chunk size too large" 413 400 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nhello\r\n0\r\n\r\nSMUGGLED";
    "trailer" 200 200 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n";
    "framing in a trailer" 200 200 "POST LOC HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n";
    "two hosts" 400 400 "GET LOC HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n";
    "no host" 400 400 "GET LOC HTTP/1.1\r\n\r\n";
    "host with a space" 400 400 "GET LOC HTTP/1.1\r\nHost: a b\r\n\r\n";
    "host with a slash" 400 400 "GET LOC HTTP/1.1\r\nHost: a/b\r\n\r\n";
    "absolute form and another host" 200 200 "GET http://bLOC HTTP/1.1\r\nHost: a\r\n\r\n";
    "absolute form with a user" 400 400 "GET http://u@bLOC HTTP/1.1\r\nHost: a\r\n\r\n";
    "authority form" 400 400 "GET b:80 HTTP/1.1\r\nHost: a\r\n\r\n";
    "CONNECT" 405 405 "CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\nSMUGGLED";
    "TRACE" 405 405 "TRACE LOC HTTP/1.1\r\nHost: a\r\n\r\n";
    "space in the path" 400 400 "GET LOCa b HTTP/1.1\r\nHost: a\r\n\r\n";
    "CR in the path" 400 400 "GET LOCa\rb HTTP/1.1\r\nHost: a\r\n\r\n";
    "tab after the path" 400 400 "GET LOC\tHTTP/1.1\r\nHost: a\r\n\r\n";
    "HTTP/0.9 with fields" 200 200 "GET LOC\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    "HTTP/2.0" 505 505 "GET LOC HTTP/2.0\r\nHost: a\r\n\r\n";
    "HTTP/1.10" 200 200 "GET LOC HTTP/1.10\r\nHost: a\r\n\r\n";
    "HTTP/1.1x" 400 400 "GET LOC HTTP/1.1x\r\nHost: a\r\n\r\n";
    "method in small letters" 400 400 "get LOC HTTP/1.1\r\nHost: a\r\n\r\n";
    "Expect and no body" 200 200 "POST LOC HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello";
    "Upgrade to h2c" 200 200 "GET LOC HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n";
    "framing named in Connection" 200 200 "POST LOC HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\nhello";
    "a short body" 400 400 "POST LOC HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\n\r\nSMUGGLED";
};

/// Read whole before it is passed on, as it comes, over kept connections.
const LOCATIONS: &[&str] = &["/b/", "/k/", "/u/"];

fn case(row: &Row, location: &str) -> Case {
    let request = row.request.replace("SMUGGLED", SMUGGLED).replace("LOC", location);
    Case { client: vec![Token::text(request)], replies: Vec::new() }
}

/// Of the first answer that is more than `100 Continue`; one without a head counts as 200, none at all as 400.
fn status(seen: &Seen) -> u16 {
    let mut lines =
        seen.answers.iter().filter(|line| line.starts_with("HTTP/1.1") && !line.starts_with("HTTP/1.1 100"));
    match lines.next() {
        Some(line) => line.get(9..12).and_then(|status| status.parse().ok()).expect("a status"),
        None if seen.answers.is_empty() => 400,
        None => 200,
    }
}

/// What is wrong with a request that a backend received.
fn malformed(request: &str) -> Option<String> {
    let text = request.trim_start_matches("kept ");
    if text.starts_with("(not whole)") {
        return None;
    }
    let (head, _) = text.split_once("\\r\\n\\r\\n").expect("a head ends with an empty line");
    if head.replace("\\r\\n", "").contains("\\r") || head.replace("\\r\\n", "").contains("\\n") || head.contains("\\x")
    {
        return Some(format!("odd bytes in {head}"));
    }
    let lines: Vec<String> = head.split("\\r\\n").map(str::to_ascii_lowercase).collect();
    let count = |name: &str| lines.iter().filter(|line| line.starts_with(name)).count();
    let framings = count("content-length:") + count("transfer-encoding:");
    let folded = lines.iter().any(|line| line.starts_with([' ', '\t']));
    let spaced = lines.iter().skip(1).any(|line| line.split(':').next().is_some_and(|name| name.contains([' ', '\t'])));
    (framings > 1 || count("host:") != 1 || folded || spaced).then(|| head.to_owned())
}

/// Asks one proxy all of it; what is wrong.
fn ask(side: &Side, expected: impl Fn(&Row) -> u16) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in ROWS {
        for location in LOCATIONS {
            let mut watched = side.lane(0).run(&case(row, location));
            let seen = watched.seen();
            if status(seen) != expected(row) {
                wrong.push(format!(
                    "{} at {location}: {} and not {}\n  {seen:?}",
                    row.name,
                    status(seen),
                    expected(row)
                ));
            }
            let own = |request: &String| {
                request.trim_start_matches("kept ").split(' ').nth(1).is_some_and(|path| path.ends_with("/smuggled"))
            };
            if seen.received.iter().any(own) {
                wrong.push(format!("{} at {location}: smuggled: {:?}", row.name, seen.received));
            }
            wrong.extend(seen.received.iter().filter_map(|request| malformed(request)));
        }
    }
    wrong
}

#[test]
fn nothing_is_smuggled() {
    let rkeep = Side::start(Proxy::rkeep(), "smuggling", "1.31", 1);
    let wrong = ask(&rkeep, |row| row.rkeep);
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn whatever_nginx_refuses_is_refused() {
    for row in ROWS {
        assert!(row.nginx < 400 || row.rkeep >= 400, "{}", row.name);
    }
}

/// With `NGINX_BIN` of 1.29 or later the table is compared with it.
#[test]
fn the_table_says_what_nginx_does() {
    let Ok(nginx) = std::env::var("NGINX_BIN") else {
        println!("NGINX_BIN names no nginx: what was recorded of 1.31 counts");
        return;
    };
    if minor_version(&nginx) < 29 {
        println!("{nginx} is older than what was recorded");
        return;
    }
    let side = Side::start(Command::new(&nginx), "smuggling-nginx", "1.31", 1);
    let wrong = ask(&side, |row| row.nginx);
    assert!(wrong.is_empty(), "{} rows:\n{}", wrong.len(), wrong.join("\n"));
}
