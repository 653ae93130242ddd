//! Requests by chance: most are well-formed in part, few in all.

use super::case::Token;
use super::mutate::{line_end, mutate};
use crate::chance::Chance;

const LOCATIONS: &[&str] = &[
    "b", "b", "b", "u", "u", "v", "k", "k", "n", "h", "h", "i", "i", "c", "c", "z", "w", "s", "s", "r", "r", "rw/a",
    "rw/b", "rw/p", "rw/q", "f", "t", "l", "x", "g", "",
];
const METHODS: &[&str] =
    &["GET", "GET", "GET", "GET", "POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "FOO"];
const ODD_METHODS: &[&str] = &["PROPFIND", "TRACE", "CONNECT", "get", "G-T", "G_T", "GE\tT", "G1"];
const VERSIONS: &[&str] = &["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"];
const ODD_VERSIONS: &[&str] = &[
    "HTTP/0.9",
    "HTTP/1.2",
    "HTTP/1.10",
    "HTTP/2.0",
    "HTTP/1.",
    "http/1.1",
    "HTTP/11",
    "HTTP/1.1 ",
    "HTTP/1.999",
    "HTTP/1.1000",
    "HTTPS/1.1",
    "",
];
const PARTS: &[&str] =
    &["a", "a.txt", "big.txt", "index.html", "dir", "dir/", "t/b.txt", "x.php", "b", "%20", "~", "a-b", "x:y@z"];
const ODD_PARTS: &[&str] = &[
    "..", ".", "...", "%2e", "%2E%2e", "%2F", "%00", "%", "%1", "%zz", "%25", "%3f", "%23", "//", "///", "/./", "/../",
    "/../..", ";a=b", "\\", "\"", "<>", "x.php/y", "\u{e9}", "+", "*", ":", "'", "|", "{}", "^", "`", "a b", "/.a",
    "/..a", "/a.", "/a..", "%c3%a9", "\u{1}", "\u{7f}", "&", "%0a", "%7f", "%ff",
];
const QUERIES: &[&str] = &["?", "?a=1", "?a=b", "?a=b&a=c", "?A=1", "?a", "?aa=1&a=2", "?a=%20"];
const ODD_QUERIES: &[&str] =
    &["??", "?a b", "?#", "#", "#x", "#?a=1", "?/../x", "?b=\"", "?\u{e9}", "?\u{1}", "?%", "?a=%00"];
const HOSTS: &[&str] =
    &["localhost", "localhost", "LocalHost:80", "b.example", "B.Example.", "x.c.example", "r12.d.example", "other"];
const ODD_HOSTS: &[&str] = &[
    "localhost.",
    "",
    ".",
    "a..b",
    "a/b",
    "a b",
    "[::1]",
    "[::1]:80",
    "[::1",
    "::1",
    "a:b",
    "a:80:80",
    "a:",
    ":80",
    "a@b",
    "a_b",
    "\u{e9}",
    "a%20",
    "*",
    "a\tb",
    "-",
    "a:123456",
    "127.0.0.1",
    "[v1.a]",
    "a\\b",
    "a\"",
    "a;b",
    "a,b",
    "a#b",
    "a?b",
];
const FIELDS: &[(&str, &[&str])] = &[
    (
        "Connection",
        &["close", "keep-alive", "Keep-Alive, Upgrade", "upgrade", "close, x-a", "x-a", "", "TE", "CLOSE", "close,"],
    ),
    ("Keep-Alive", &["timeout=5", "x"]),
    (
        "Content-Length",
        &["0", "5", "+5", "-1", "5, 5", "05", "5 ", "0x5", "99999999999999999999", "5000", "", "4 4", "5\t"],
    ),
    (
        "Transfer-Encoding",
        &[
            "chunked",
            "Chunked",
            "chunked, chunked",
            "identity",
            "gzip, chunked",
            "chunked;x",
            " chunked ",
            "",
            "xchunked",
        ],
    ),
    ("Expect", &["100-continue", "100-Continue", "200-ok", "100-continue, x"]),
    (
        "Range",
        &[
            "bytes=0-3",
            "bytes=-5",
            "bytes=5-",
            "bytes=3-1",
            "bytes=0-0,2-3",
            "bytes=0-99999",
            "bytes=",
            "bytes=a-b",
            "items=0-1",
            "bytes=0-1, 3-4,",
            "bytes= 0 - 1",
            "Bytes=0-1",
            "bytes=99-100",
            "bytes=0-1,99-",
        ],
    ),
    ("If-Range", &["\"3b9aca00-1a\"", "W/\"3b9aca00-1a\"", "Sun, 09 Sep 2001 01:46:40 GMT", "x"]),
    (
        "If-Modified-Since",
        &["Sun, 09 Sep 2001 01:46:40 GMT", "Sun, 09 Sep 2001 01:46:39 GMT", "x", "Sunday, 09-Sep-01 01:46:40 GMT"],
    ),
    ("If-Unmodified-Since", &["Sun, 09 Sep 2001 01:46:40 GMT", "Sun, 09 Sep 2000 01:46:40 GMT"]),
    ("If-None-Match", &["\"3b9aca00-1a\"", "*", "W/\"3b9aca00-1a\", \"x\"", "x", "\"x"]),
    ("If-Match", &["\"3b9aca00-1a\"", "*", "\"x\""]),
    ("Cookie", &["a=1", "a=1; b=2", "b=2;a=3", "a", "A=1", "aa=1; a=2", "a=\"x\""]),
    ("X-A", &["1", "b2", "", " x y ", "\u{e9}", "a\tb", "b"]),
    ("X_B", &["1"]),
    ("X.C", &["1"]),
    ("Accept-Encoding", &["gzip", "gzip;q=0", "deflate, gzip;q=0.5", "*", "identity", "x-gzip", "gzip;q=0.000"]),
    ("Upgrade", &["websocket", "h2c", "x"]),
    ("User-Agent", &["x", "Mozilla/4.0 (compatible; MSIE 5.0)", "\"\\"]),
    ("Referer", &["http://a/", "\u{1f}"]),
    ("Authorization", &["Basic YTpi", "x"]),
    ("TE", &["trailers", "x"]),
    ("Trailer", &["X-T"]),
    ("X-Forwarded-For", &["1.2.3.4", "x, y"]),
    ("Proxy-Connection", &["close", "keep-alive"]),
    ("Host", &["localhost", "other"]),
    ("HTTP2-Settings", &["x"]),
    ("Content-Type", &["text/plain"]),
    ("Via", &["1.0 x"]),
    ("Proxy", &["x"]),
    ("Date", &["x"]),
    ("X-Accel-Redirect", &["/x/"]),
];

/// Mostly of the first, so often in a hundred.
fn either<'t>(chance: &mut Chance, percent: usize, usual: &[&'t str], odd: &[&'t str]) -> &'t str {
    if chance.percent(percent) { chance.one(usual) } else { chance.one(odd) }
}

/// What a client sends in one case.
pub fn conversation(chance: &mut Chance) -> Vec<Token> {
    let mut tokens = Vec::new();
    for _ in 0..1 + chance.below(3) * chance.below(2) {
        request(chance, &mut tokens);
        if chance.percent(20) {
            tokens.push(Token::Pause);
        }
    }
    if chance.percent(20) {
        mutate(chance, &mut tokens);
    }
    if chance.percent(15) {
        let at = chance.below(tokens.len());
        tokens.insert(at, Token::Pause);
    }
    tokens
}

fn request(chance: &mut Chance, tokens: &mut Vec<Token>) {
    if chance.percent(3) {
        tokens.push(Token::text(chance.one(&["\r\n", "\n", "\r\n\r\n", " \r\n", "\r"])));
    }
    let version = either(chance, 96, VERSIONS, ODD_VERSIONS);
    tokens.push(Token::text(request_line(chance, version)));
    if version != "HTTP/1.0" && chance.percent(97) {
        let host = either(chance, 93, HOSTS, ODD_HOSTS);
        tokens.push(Token::text(format!("Host: {host}{}", line_end(chance))));
    }
    let body = if chance.percent(35) { Some(framed(chance, tokens)) } else { None };
    for _ in 0..chance.below(5) {
        tokens.push(Token::text(field(chance)));
    }
    tokens.push(Token::text(line_end(chance)));
    tokens.extend(body.into_iter().flatten());
}

fn request_line(chance: &mut Chance, version: &str) -> String {
    let method = either(chance, 96, METHODS, ODD_METHODS);
    let target = target(chance);
    let gap = if chance.percent(3) { chance.one(&["  ", "\t", "", "   "]) } else { " " };
    let space = if version.is_empty() { "" } else { gap };
    format!("{method} {target}{space}{version}{}", line_end(chance))
}

fn target(chance: &mut Chance) -> String {
    let path = path(chance);
    match chance.below(40) {
        0 => format!("http://{}{path}", either(chance, 80, HOSTS, ODD_HOSTS)),
        1 => chance
            .one(&[
                "*",
                "http://",
                "http://localhost",
                "HTTP://localhost/r/",
                "https://localhost/r/?a=1",
                "localhost:80",
                "/",
                "http:/r/",
                "ftp://a/b",
                "http://localhost?a=1",
                "http://u@localhost/r/",
                "//r/",
                "http://localhost:80/r/",
                "1http://a/",
            ])
            .to_owned(),
        _ => path,
    }
}

fn path(chance: &mut Chance) -> String {
    let location = chance.one(LOCATIONS);
    let mut path = if location.is_empty() { "/".to_owned() } else { format!("/{location}/") };
    for _ in 0..chance.below(4) * chance.below(2) {
        path += either(chance, 85, PARTS, ODD_PARTS);
        if chance.percent(40) {
            path.push('/');
        }
    }
    if location == "s" && chance.percent(60) {
        path = format!("/s/{}", chance.one(&["a.txt", "big.txt", "index.html", "", "t/b.txt", "none", "t"]));
    }
    if chance.percent(1) {
        path += &"x".repeat(chance.one(&[400, 600, 1000, 1100]));
    }
    if chance.percent(25) { path + either(chance, 85, QUERIES, ODD_QUERIES) } else { path }
}

fn field(chance: &mut Chance) -> String {
    let (name, values) = chance.one(FIELDS);
    let value = if chance.percent(50) { values[0] } else { chance.one(values) };
    let end = line_end(chance);
    match chance.below(160) {
        0 => format!("{name} : {value}{end}"),
        1 => format!("{name}{end}"),
        2 => format!(" {name}: {value}{end}"),
        3 => format!("{name}:{value}{end}"),
        4 => format!("{}: {value}{end}", name.to_uppercase()),
        5 => format!("{}: {value}{end}", name.to_lowercase()),
        6 => format!("{name}:\t {value} \t{end}"),
        7 => format!("{name}: {value}{end} folded{end}"),
        8 => format!("{name}: {value}{end}{name}: {value}{end}"),
        9 => format!(": {value}{end}"),
        10 => format!("{name}: {}{end}", "v".repeat(chance.one(&[300, 500, 900, 1020, 1100]))),
        11 => format!("{name}\t: {value}{end}"),
        _ => format!("{name}: {value}{end}"),
    }
}

/// Says how long the body is, and makes one that mostly is.
fn framed(chance: &mut Chance, tokens: &mut Vec<Token>) -> Vec<Token> {
    let length = chance.one(&[0, 1, 5, 5, 20, 600, 1500, 4096, 4097, 9000]);
    let body: String = "hello ".chars().cycle().take(length).collect();
    if chance.percent(50) {
        tokens.push(Token::text(format!("Content-Length: {length}{}", line_end(chance))));
        return if chance.percent(92) { split(chance, body) } else { vec![Token::text(body + "more")] };
    }
    tokens.push(Token::text(format!("Transfer-Encoding: chunked{}", line_end(chance))));
    chunked(chance, &body)
}

fn split(chance: &mut Chance, body: String) -> Vec<Token> {
    if body.len() < 2 || chance.percent(70) {
        return vec![Token::text(body)];
    }
    let (head, tail) = body.split_at(chance.below(body.len()));
    vec![Token::text(head), Token::Pause, Token::text(tail)]
}

/// A body in chunks, for requests and replies.
pub fn chunked(chance: &mut Chance, body: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut left = body;
    while !left.is_empty() {
        let (chunk, rest) = left.split_at(1 + chance.below(left.len()));
        left = rest;
        let size = size(chance, chunk.len());
        tokens.push(Token::text(format!("{size}{}{chunk}{}", line_end(chance), line_end(chance))));
        if chance.percent(10) {
            tokens.push(Token::Pause);
        }
    }
    if chance.percent(95) {
        let zero =
            if chance.percent(90) { "0" } else { chance.one(&["00", "0;x=y", "0 ", "000000000000000000", "-0", ""]) };
        tokens.push(Token::text(format!("{zero}{}", line_end(chance))));
        if chance.percent(12) {
            tokens.push(Token::text(chance.one(&[
                "X-T: 1\r\n",
                "X-T: 1\n",
                "Host: x\r\n",
                "bad\r\n",
                "Content-Length: 5\r\n",
                " x\r\n",
            ])));
        }
        tokens.push(Token::text(line_end(chance)));
    }
    tokens
}

fn size(chance: &mut Chance, size: usize) -> String {
    match chance.below(120) {
        0 => format!("{size:X}"),
        1 => format!("000{size:x}"),
        2 => format!("{size:x};a=b"),
        3 => format!("{size:x} ;a=\"b\r\""),
        4 => format!("{size:x} "),
        5 => format!("0x{size:x}"),
        6 => format!("{:x}", size + 1),
        7 => format!("-{size:x}"),
        8 => format!("fffffffffffffff{size:x}"),
        9 => format!(" {size:x}"),
        10 => format!("{size:x}\t"),
        _ => format!("{size:x}"),
    }
}
