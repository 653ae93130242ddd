//! The header fields of a request to a backend: those of `proxy_set_header`, nginx's own, then the client's.

use rkeep_parsers::ir::expr::{Builtin, Expr, Part, Var};
use rkeep_parsers::nginx::Proxy;
use rkeep_parsers::table::Compat;

use crate::proxy::http::decimal;
use crate::proxy::http::fields::NameSet;
use crate::proxy::request::RequestCtx;

/// Fields that never pass from the client to the backend by themselves.
const OWN: [&str; 9] = [
    "host",
    "connection",
    "proxy-connection",
    "content-length",
    "transfer-encoding",
    "te",
    "keep-alive",
    "expect",
    "upgrade",
];

/// Fields that ask for less than a whole answer; of two the cache has values of its own.
const CONDITIONS: [(&str, Option<Builtin>); 6] = [
    ("If-Modified-Since", Some(Builtin::UpstreamCacheLastModified)),
    ("If-Unmodified-Since", None),
    ("If-None-Match", Some(Builtin::UpstreamCacheEtag)),
    ("If-Match", None),
    ("Range", None),
    ("If-Range", None),
];

/// What a location's requests carry.
#[derive(Debug, Default)]
pub struct RequestHeaders {
    /// `proxy_set_header Host`; the name of `proxy_pass` where not written.
    host: Option<Expr>,
    /// `Connection: close`, nginx's default before 1.29.7.
    close: bool,
    /// The other `proxy_set_header`s, in order: what comes before the value, and the value.
    set: Vec<(Vec<u8>, Expr)>,
    /// Whether `Content-Length` is nginx's own.
    own_length: bool,
    /// Whether `Transfer-Encoding` is.
    own_coding: bool,
    /// Names of the client's fields that do not pass.
    dropped: NameSet,
    pass_client: bool,
    keeps_host: bool,
}

/// How the body is framed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// There is none.
    #[default]
    None,
    /// Known before.
    Known(u64),
    /// Chunked.
    Chunked,
}

impl RequestHeaders {
    /// The same for requests whose answers are kept: the backend is not told what only this client has or wants.
    pub fn for_cache(conf: &Proxy, compat: Compat) -> Self {
        let mut headers = RequestHeaders::new(conf, compat);
        for (name, variable) in CONDITIONS {
            if conf.set_header.iter().any(|set| set.name.eq_ignore_ascii_case(name)) {
                continue;
            }
            headers.dropped.add(name);
            if let Some(variable) = variable {
                let value = Expr::from([Part::Var(Var::Builtin(variable))]);
                headers.set.push((before_value(name), value));
            }
        }
        headers
    }

    /// As the directives of a level say.
    pub fn new(conf: &Proxy, compat: Compat) -> Self {
        let named = |name: &str| conf.set_header.iter().any(|set| set.name.eq_ignore_ascii_case(name));
        let of_host = conf.set_header.iter().rfind(|set| set.name.eq_ignore_ascii_case("host"));
        let others = conf.set_header.iter().filter(|set| !set.name.eq_ignore_ascii_case("host"));
        RequestHeaders {
            host: of_host.map(|set| set.value.clone()),
            close: compat.nginx < (1, 29) && !named("connection"),
            set: others
                .filter(|set| set.value.as_text() != Some(b""))
                .map(|set| (before_value(&set.name), set.value.clone()))
                .collect(),
            own_length: !named("content-length"),
            own_coding: !named("transfer-encoding"),
            dropped: OWN.into_iter().chain(conf.set_header.iter().map(|set| set.name.as_str())).collect(),
            pass_client: conf.pass_request_headers,
            keeps_host: conf.http_version != rkeep_parsers::table::value::HttpVersion::Http10,
        }
    }

    /// Appends all fields. `host` is the name of `proxy_pass`.
    pub fn write(&self, cx: &RequestCtx, host: &[u8], length: Length, out: &mut Vec<u8>) {
        self.write_host(cx, host, out);
        for (before, value) in &self.set {
            field_of(cx, before, value, out);
        }
        if self.close {
            out.extend_from_slice(b"Connection: close\r\n");
        }
        self.write_length(length, out);
        if self.pass_client {
            for field in cx.head.fields.each().filter(|field| !self.dropped.has(field.name)) {
                out.extend_from_slice(field.line);
            }
        }
    }

    /// HTTP/1.1 always has a `Host`, even where `proxy_set_header Host` comes to nothing.
    fn write_host(&self, cx: &RequestCtx, host: &[u8], out: &mut Vec<u8>) {
        let before = out.len();
        if let Some(value) = &self.host {
            field_of(cx, b"Host: ", value, out);
        }
        if out.len() == before && (self.host.is_none() || self.keeps_host) {
            field(b"Host", host, out);
        }
    }

    fn write_length(&self, length: Length, out: &mut Vec<u8>) {
        match length {
            Length::Known(bytes) if self.own_length => {
                out.extend_from_slice(b"Content-Length: ");
                decimal::put(out, bytes);
                out.extend_from_slice(b"\r\n");
            }
            Length::Chunked if self.own_coding => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
            _ => {}
        }
    }
}

/// What comes before a field's value.
fn before_value(name: &str) -> Vec<u8> {
    [name.as_bytes(), b": "].concat()
}

/// A field whose value is computed, with what comes before it; one that comes to nothing is left out.
fn field_of(cx: &RequestCtx, before: &[u8], value: &Expr, out: &mut Vec<u8>) {
    let begin = out.len();
    out.extend_from_slice(before);
    let start = out.len();
    cx.eval_into(value, out);
    if out.len() == start {
        out.truncate(begin);
    } else {
        out.extend_from_slice(b"\r\n");
    }
}

fn field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for piece in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(piece);
    }
}
