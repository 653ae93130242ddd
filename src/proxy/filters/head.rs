//! The head of an answer as bytes, in nginx's order.

use std::io::Write as _;

use rkeep_parsers::table::value::ServerTokens;

use crate::proxy::http::{date, decimal, status};
use crate::proxy::request::{RequestCtx, Version};

/// The product as `server_tokens` shows it, in `Server` and in built-in pages.
pub fn product(cx: &RequestCtx) -> String {
    match &cx.conf().core.server_tokens {
        ServerTokens::On => cx.snapshot.product.clone(),
        ServerTokens::Off => "nginx".to_owned(),
        ServerTokens::Build => format!("{} (rkeep {})", cx.snapshot.product, env!("CARGO_PKG_VERSION")),
    }
}

/// Settles what depends on the status, before the head is written.
pub fn settle(cx: &mut RequestCtx) {
    let head = cx.is_head();
    let out = &mut cx.out;
    if !matches!(out.status, 200 | 206 | 304) {
        out.last_modified = None;
    }
    if out.status == 204 && out.status_line.is_none() {
        out.content_type.clear();
        out.content_length = None;
        out.last_modified = None;
        out.header_only = true;
    }
    out.header_only |= head || out.status == 304 || out.status == 204 || out.status < 200;
    if cx.conn.thread.draining() && cx.conf().core.keepalive_min_timeout.0 == 0 {
        cx.keepalive = false;
    }
    if !cx.conf().gzip.vary {
        cx.out.gzip_vary = false;
    }
    absolute_location(cx);
}

/// A `Location` that is a path is made absolute, and then has a place of its own in the head.
fn absolute_location(cx: &mut RequestCtx) {
    let Some(location) = cx.out.fields.get(b"Location") else { return };
    if cx.out.own_location || location.first() != Some(&b'/') || !cx.conf().core.absolute_redirect {
        return;
    }
    let mut url = format!("{}://", cx.scheme()).into_bytes();
    let core = &cx.conf().core;
    if core.server_name_in_redirect {
        url.extend_from_slice(&cx.server.name);
    } else if !cx.host.is_empty() {
        url.extend_from_slice(&cx.host);
    } else if let Some(local) = cx.local() {
        let ip = local.ip();
        let _ = if ip.is_ipv6() { write!(url, "[{ip}]") } else { write!(url, "{ip}") };
    }
    let usual = if cx.is_encrypted() { 443 } else { 80 };
    let port = cx.local().map_or(0, |local| local.port());
    if core.port_in_redirect && port != usual && port != 0 {
        let _ = write!(url, ":{port}");
    }
    url.extend_from_slice(location);
    cx.out.fields.remove(b"Location");
    cx.out.location = url;
}

/// Appends the head.
pub fn write(cx: &RequestCtx, head: &mut Vec<u8>) {
    if cx.head.version == Version::Http09 {
        return;
    }
    let out = &cx.out;
    head.extend_from_slice(b"HTTP/1.1 ");
    match (&out.status_line, status::line(out.status)) {
        (Some(line), _) => head.extend_from_slice(line),
        (None, Some(line)) => head.extend_from_slice(line.as_bytes()),
        (None, None) => {
            let _ = write!(head, "{:03} ", out.status);
        }
    }
    head.extend_from_slice(b"\r\n");
    if !out.own_server {
        put_server(cx, head);
    }
    if !out.own_date {
        head.extend_from_slice(b"Date: ");
        date::put_http_now(head);
        head.extend_from_slice(b"\r\n");
    }
    put_entity(cx, head);
    put_connection(cx, head);
    out.fields.write(head);
    head.extend_from_slice(b"\r\n");
}

#[inline]
fn put(head: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    head.extend_from_slice(name);
    head.extend_from_slice(b": ");
    head.extend_from_slice(value);
    head.extend_from_slice(b"\r\n");
}

fn put_server(cx: &RequestCtx, head: &mut Vec<u8>) {
    match &cx.conf().core.server_tokens {
        ServerTokens::On => put(head, b"Server", cx.snapshot.product.as_bytes()),
        _ => put(head, b"Server", product(cx).as_bytes()),
    }
}

fn put_entity(cx: &RequestCtx, head: &mut Vec<u8>) {
    let out = &cx.out;
    if !out.content_type.is_empty() {
        head.extend_from_slice(b"Content-Type: ");
        head.extend_from_slice(&out.content_type);
        if !out.charset.is_empty() {
            head.extend_from_slice(b"; charset=");
            head.extend_from_slice(&out.charset);
        }
        head.extend_from_slice(b"\r\n");
    }
    if let Some(length) = out.content_length {
        head.extend_from_slice(b"Content-Length: ");
        decimal::put(head, length);
        head.extend_from_slice(b"\r\n");
    }
    if let Some(modified) = out.last_modified.filter(|_| !out.own_last_modified) {
        put(head, b"Last-Modified", date::http(modified).as_bytes());
    }
    if !out.location.is_empty() {
        put(head, b"Location", &out.location);
    }
}

fn put_connection(cx: &RequestCtx, head: &mut Vec<u8>) {
    if cx.out.chunked {
        head.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    }
    if cx.out.status == 101 {
        head.extend_from_slice(b"Connection: upgrade\r\n");
    } else if cx.keepalive {
        head.extend_from_slice(b"Connection: keep-alive\r\n");
        if let Some(seconds) = cx.conf().core.keepalive_timeout.header {
            let _ = write!(head, "Keep-Alive: timeout={seconds}\r\n");
        }
    } else {
        head.extend_from_slice(b"Connection: close\r\n");
    }
    if cx.out.gzip_vary {
        head.extend_from_slice(b"Vary: Accept-Encoding\r\n");
    }
}
