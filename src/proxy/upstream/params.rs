//! The parameters of a request to a backend that speaks one of CGI's descendants: those that are written, then the
//! client's fields as `HTTP_…`.

use rkeep_parsers::ir::http::Protocol;
use rkeep_parsers::nginx::LocationConf;
use rkeep_parsers::table::value::Param;

use crate::proxy::request::RequestCtx;

/// What asks for less than a whole answer is not passed where the answer is kept.
const CONDITIONS: [&str; 6] = [
    "HTTP_IF_MODIFIED_SINCE",
    "HTTP_IF_UNMODIFIED_SINCE",
    "HTTP_IF_NONE_MATCH",
    "HTTP_IF_MATCH",
    "HTTP_RANGE",
    "HTTP_IF_RANGE",
];

fn written(conf: &LocationConf, protocol: Protocol) -> &[Param] {
    match protocol {
        Protocol::FastCgi => &conf.fastcgi.param,
        Protocol::Scgi => &conf.scgi.param,
        Protocol::Uwsgi => &conf.uwsgi.param,
        Protocol::Http | Protocol::Grpc | Protocol::Memcached => &[],
    }
}

/// Gives each parameter of a request with its value to `write`.
pub fn each(cx: &RequestCtx, protocol: Protocol, for_cache: bool, mut write: impl FnMut(&[u8], &[u8])) {
    let params = written(cx.conf(), protocol);
    for param in params {
        let value = cx.eval(&param.value);
        if !(param.if_not_empty && value.is_empty()) {
            write(param.name.as_bytes(), &value);
        }
    }
    if !cx.conf().proxy.pass_request_headers {
        return;
    }
    let mut told: Vec<Vec<u8>> = params.iter().map(|param| param.name.clone().into_bytes()).collect();
    if for_cache {
        told.extend(CONDITIONS.iter().map(|name| name.as_bytes().to_vec()));
    }
    for (name, _) in cx.head.fields.iter() {
        let param = param_name(name);
        if !told.contains(&param) {
            write(&param, &joined(cx, name));
            told.push(param);
        }
    }
}

/// `HTTP_` and the field's name in large letters.
fn param_name(field: &[u8]) -> Vec<u8> {
    let letter = |byte: &u8| if *byte == b'-' { b'_' } else { byte.to_ascii_uppercase() };
    b"HTTP_".iter().copied().chain(field.iter().map(letter)).collect()
}

/// The values of all fields of a name.
fn joined(cx: &RequestCtx, name: &[u8]) -> Vec<u8> {
    let separator: &[u8] = if name.eq_ignore_ascii_case(b"cookie") { b"; " } else { b", " };
    cx.head.fields.all(name).collect::<Vec<_>>().join(separator)
}
