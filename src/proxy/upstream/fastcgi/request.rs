//! The parameters of a FastCGI request: those of `fastcgi_param`, then the client's fields as `HTTP_…`.

use rkeep_parsers::nginx::FastCgi;

use super::records;
use crate::proxy::regex::{Regex, Regexes};
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

/// How a location's scripts are told from what follows them.
#[derive(Debug, Default)]
pub struct Scripts {
    split: Option<Regex>,
}

impl Scripts {
    /// Prepares a location.
    ///
    /// # Errors
    /// What PCRE says.
    pub fn compile(conf: &FastCgi, regexes: &mut Regexes) -> Result<Scripts, String> {
        Ok(Scripts { split: conf.split_path_info.as_ref().map(|regex| regexes.compile(regex)).transpose()? })
    }

    /// `$fastcgi_script_name`
    pub fn name(&self, cx: &RequestCtx, out: &mut Vec<u8>) {
        let start = out.len();
        match self.split.as_ref().and_then(|split| split.captures(&cx.uri)) {
            Some(found) => out.extend_from_slice(found.get(1)),
            None => out.extend_from_slice(&cx.uri),
        }
        if out.len() > start && out.last() == Some(&b'/') {
            out.extend_from_slice(cx.conf().fastcgi.index.as_deref().unwrap_or_default().as_bytes());
        }
    }

    /// `$fastcgi_path_info`
    pub fn path_info(&self, cx: &RequestCtx, out: &mut Vec<u8>) {
        if let Some(found) = self.split.as_ref().and_then(|split| split.captures(&cx.uri)) {
            out.extend_from_slice(found.get(2));
        }
    }
}

/// Appends what comes before the body.
pub fn head(cx: &RequestCtx, for_cache: bool, out: &mut Vec<u8>) {
    let mut params = Vec::new();
    write_params(cx, for_cache, &mut params);
    records::begin(cx.conf().fastcgi.keep_conn, &params, out);
}

fn write_params(cx: &RequestCtx, for_cache: bool, out: &mut Vec<u8>) {
    let conf = &cx.conf().fastcgi;
    for param in &conf.param {
        let value = cx.eval(&param.value);
        if !(param.if_not_empty && value.is_empty()) {
            records::param(param.name.as_bytes(), &value, out);
        }
    }
    if !conf.pass_request_headers {
        return;
    }
    let mut told: Vec<Vec<u8>> = conf.param.iter().map(|param| param.name.clone().into_bytes()).collect();
    if for_cache {
        told.extend(CONDITIONS.iter().map(|name| name.as_bytes().to_vec()));
    }
    for (name, _) in cx.head.fields.iter() {
        let param = param_name(name);
        if !told.contains(&param) {
            records::param(&param, &joined(cx, name), out);
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
