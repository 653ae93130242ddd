//! A backend's replies by chance.

use super::case::{End, Reply, Token};
use super::mutate::{line_end, mutate};
use super::requests::chunked;
use crate::chance::Chance;

const STATUS_LINES: &[&str] = &[
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 OK",
    "HTTP/1.0 200 OK",
    "HTTP/1.0 200 OK",
    "HTTP/1.1 404 Not Found",
    "HTTP/1.1 500 Oops",
    "HTTP/1.1 503 Busy",
    "HTTP/1.1 302 Found",
    "HTTP/1.1 301 Moved",
    "HTTP/1.1 204 No Content",
    "HTTP/1.1 304 Not Modified",
    "HTTP/1.1 206 Partial",
    "HTTP/1.1 401 Who",
    "HTTP/1.1 403 No",
    "HTTP/1.1 101 Switching",
    "HTTP/1.1 200",
    "HTTP/1.1 200 ",
    "HTTP/1.1 999 X",
    "HTTP/1.1 099 X",
    "HTTP/1.1 2000 X",
    "HTTP/1.1 20 X",
    "HTTP/1.1  200 OK",
    "HTTP/1.2 200 OK",
    "HTTP/2.0 200 OK",
    "http/1.1 200 OK",
    "HTTP/1.1 abc",
    "200 OK",
    "",
    "HTTP/1.1 418 I'm a teapot",
    "HTTP/1.1 226 IM",
    "HTTP/1.1 426 Upgrade",
    "HTTP/1.1 200\tOK",
    "HTTP/1.1 600 X",
    "HTTP/1.1 413 Big",
    "HTTP/0.9 200 OK",
    "HTTP/1.1 400 Bad",
    "HTTP/1.1 504 Late",
    "HTTP/1.1 199 X",
    "HTTP/1.1 308 P",
];
const FIELDS: &[&str] = &[
    "Server: own",
    "Date: Thu, 01 Jan 1970 00:00:00 GMT",
    "Connection: close",
    "Connection: keep-alive",
    "Keep-Alive: timeout=5",
    "Content-Type: text/html",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Type: a, b",
    "Content-Type:",
    "X-A: 1",
    "X-A: 2",
    "X-Hide: 1",
    "X-Pad: 1",
    "Location: http://b.example/x",
    "Location: /x y",
    "Location: http://r1.example/z",
    "Location: x",
    "Location:",
    "Refresh: 0; url=http://b.example/x",
    "Set-Cookie: a=1; path=/; domain=b.example",
    "Set-Cookie: b=2",
    "Set-Cookie:",
    "ETag: \"x\"",
    "ETag: W/\"x\"",
    "Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT",
    "Last-Modified: x",
    "Expires: 0",
    "Expires: Thu, 01 Jan 2037 00:00:00 GMT",
    "Cache-Control: max-age=60",
    "Cache-Control: no-cache",
    "Cache-Control: private, max-age=1",
    "Vary: X-A",
    "Vary: *",
    "Vary: Accept-Encoding",
    "Accept-Ranges: bytes",
    "Accept-Ranges: none",
    "Content-Range: bytes 0-1/2",
    "Content-Encoding: gzip",
    "Content-Encoding: x",
    "Upgrade: websocket",
    "Connection: upgrade",
    "Trailer: X-T",
    "Via: x",
    "WWW-Authenticate: Basic",
    "X-Accel-Redirect: /x/y",
    "X-Accel-Redirect: /b/../x/z?a=1",
    "X-Accel-Redirect: @none",
    "X-Accel-Expires: 10",
    "X-Accel-Expires: @x",
    "X-Accel-Buffering: no",
    "X-Accel-Charset: utf-8",
    "Status: 500 X",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "no colon",
    "X-A : 1",
    " X-A: 1",
    "X-A:1",
    "X\u{1}: 1",
    "X-A: \u{1}",
    ": empty",
    "X-A: a\tb",
    "X_U: 1",
    "x-a: lower",
    "Age: 5",
    "Allow: GET",
    "Content-Disposition: attachment",
    "Link: </x>; rel=preload",
    "Content-Language: de",
    "Proxy-Authenticate: x",
    "Content-Length: 05",
    "Content-Length: +5",
    "Content-Length: 5, 5",
    "Content-Length:",
    "Content-Length: -1",
    "Content-Length: 5 ",
    "Content-Length: x",
];

/// The replies of a case.
pub fn conversation(chance: &mut Chance) -> Vec<Reply> {
    (0..1 + chance.below(3)).map(|_| reply(chance)).collect()
}

fn reply(chance: &mut Chance) -> Reply {
    let mut tokens = Vec::new();
    if chance.percent(4) {
        let interim =
            chance.one(&["100 Continue", "103 Early Hints\r\nLink: </s>", "102 Processing", "100 Continue\r\nX-A: 1"]);
        tokens.push(Token::text(format!("HTTP/1.1 {interim}\r\n\r\n")));
    }
    let plain = chance.percent(60);
    let line = if plain { STATUS_LINES[0] } else { chance.one(STATUS_LINES) };
    tokens.push(Token::text(format!("{line}{}", line_end(chance))));
    let fields = if plain && chance.percent(40) { 0 } else { chance.below(5) };
    for _ in 0..fields {
        let end = line_end(chance);
        tokens.push(Token::text(format!("{}{end}", chance.one(FIELDS))));
    }
    if chance.percent(1) {
        tokens.push(Token::text(format!("X-Long: {}\r\n", "l".repeat(chance.one(&[500, 4000, 4090, 5000])))));
    }
    let end = body(chance, &mut tokens);
    if chance.percent(20) {
        mutate(chance, &mut tokens);
    }
    if chance.percent(15) {
        let at = chance.below(tokens.len());
        tokens.insert(at, Token::Pause);
    }
    Reply { tokens, end }
}

/// A body and how it ends.
fn body(chance: &mut Chance, tokens: &mut Vec<Token>) -> End {
    let length = chance.one(&[0, 1, 5, 5, 20, 20, 600, 3000, 20_000]);
    let body: String = "hello ".chars().cycle().take(length).collect();
    let kept = if chance.percent(80) { End::Keep } else { End::Close };
    let end = match chance.below(10) {
        0..=4 => {
            tokens.push(Token::text(format!("Content-Length: {length}{}", line_end(chance))));
            tokens.push(Token::text(line_end(chance)));
            length_off(chance, tokens, body, kept)
        }
        5..=7 => {
            tokens.push(Token::text(format!("Transfer-Encoding: chunked{}", line_end(chance))));
            tokens.push(Token::text(line_end(chance)));
            tokens.extend(chunked(chance, &body));
            kept
        }
        _ => {
            tokens.push(Token::text(line_end(chance)));
            tokens.push(Token::text(body));
            End::Close
        }
    };
    if chance.percent(2) { End::Reset } else { end }
}

/// As long as was said, mostly.
fn length_off(chance: &mut Chance, tokens: &mut Vec<Token>, mut body: String, kept: End) -> End {
    match chance.below(16) {
        0 => {
            body.pop();
            tokens.push(Token::text(body));
            return End::Close;
        }
        1 => body += "HTTP/1.1 200 OK\r\n\r\n",
        2 => body += "more",
        _ => {}
    }
    tokens.push(Token::text(body));
    kept
}
