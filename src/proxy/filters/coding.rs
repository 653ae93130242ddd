//! `gzip`: whether an answer is compressed for this client. [`super::gzip`] compresses.

use rkeep_parsers::nginx::Gzip;
use rkeep_parsers::table::value::{GzipProxied, HttpVersion};

use super::charset::contains;
use super::conditions::http_date;
use crate::proxy::http::fields::Fields;
use crate::proxy::request::Version;
use crate::proxy::response::ResponseHead;

/// Whether the answer would be compressed for a client that takes gzip: such answers vary by `Accept-Encoding`.
pub fn applies(conf: &Gzip, answer: &ResponseHead) -> bool {
    conf.on
        && matches!(answer.status, 200 | 403 | 404)
        && !answer.header_only
        && !answer.fields.has(b"Content-Encoding")
        && answer.content_length.is_none_or(|length| length >= conf.min_length.0)
        && !answer.content_type.is_empty()
        && contains(&conf.types, &answer.content_type)
}

/// Whether the client takes gzip, by its protocol, its `Accept-Encoding`, and the proxies in between. `disabled` says
/// whether a `gzip_disable` pattern matches the client's `User-Agent`.
pub fn accepted(
    conf: &Gzip,
    request: &Fields,
    version: Version,
    answer: &ResponseHead,
    disabled: impl FnOnce(&[u8]) -> bool,
) -> bool {
    let least = match conf.http_version {
        HttpVersion::Http10 => Version::Http10,
        HttpVersion::Http11 => Version::Http11,
    };
    version >= least
        && request.get(b"Accept-Encoding").is_some_and(takes_gzip)
        && !request.get(b"User-Agent").is_some_and(disabled)
        && (!request.has(b"Via") || proxied(conf.proxied, request, answer))
}

/// Rewrites the head of an answer that will be compressed.
pub fn announce(answer: &mut ResponseHead) {
    answer.content_length = None;
    answer.allow_ranges = false;
    answer.fields.remove(b"Accept-Ranges");
    weaken_etag(answer);
    answer.fields.push(b"Content-Encoding", b"gzip");
}

/// A changed body keeps its entity tag only as a weak one.
pub fn weaken_etag(answer: &mut ResponseHead) {
    let weak = match answer.fields.get(b"ETag") {
        Some(tag) if !tag.starts_with(b"W/") => [b"W/", tag].concat(),
        _ => return,
    };
    answer.fields.set(b"ETag", &weak);
}

/// Whether an `Accept-Encoding` names gzip, or `*`, with a weight that is not zero.
fn takes_gzip(accept: &[u8]) -> bool {
    accept.split(|&byte| byte == b',').any(|item| {
        let mut parts = item.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        coding.eq_ignore_ascii_case(b"gzip") && parts.all(|part| !is_zero_weight(part))
    })
}

fn is_zero_weight(parameter: &[u8]) -> bool {
    let weight = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="));
    weight.is_some_and(|weight| !weight.iter().any(|byte| (b'1'..=b'9').contains(byte)))
}

/// `gzip_proxied` for a request that came through a proxy.
fn proxied(set: GzipProxied, request: &Fields, answer: &ResponseHead) -> bool {
    let has = |flag| set.0 & flag != 0;
    if has(GzipProxied::OFF) || set.0 == 0 {
        return false;
    }
    if has(GzipProxied::ANY) || has(GzipProxied::AUTH) && request.has(b"Authorization") {
        return true;
    }
    let says = |word: &str| {
        let controls = answer.fields.all(b"Cache-Control");
        controls.flat_map(|value| value.split(|&byte| byte == b',')).any(|item| {
            let item = item.trim_ascii();
            item.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word.as_bytes()))
        })
    };
    if let Some(expires) = answer.fields.get(b"Expires") {
        return has(GzipProxied::EXPIRED) && expired(expires, answer) || cache_control(set, &says);
    }
    if answer.fields.has(b"Cache-Control") {
        return cache_control(set, &says);
    }
    has(GzipProxied::NO_LAST_MODIFIED) && answer.last_modified.is_none()
        || has(GzipProxied::NO_ETAG) && !answer.fields.has(b"ETag")
}

fn cache_control(set: GzipProxied, says: &impl Fn(&str) -> bool) -> bool {
    let rules =
        [(GzipProxied::NO_CACHE, "no-cache"), (GzipProxied::NO_STORE, "no-store"), (GzipProxied::PRIVATE, "private")];
    rules.into_iter().any(|(flag, word)| set.0 & flag != 0 && says(word))
}

/// `Expires` is in the past of the answer's own date, or is no date.
fn expired(expires: &[u8], answer: &ResponseHead) -> bool {
    let now = answer.fields.get(b"Date").and_then(http_date).unwrap_or_else(|| {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        since.as_secs() as i64
    });
    http_date(expires).is_none_or(|expires| expires < now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_encoding() {
        for yes in [&b"gzip"[..], b"deflate, gzip", b"gzip;q=0.5", b"GZIP", b"gzip, deflate", b"gzip;q=1"] {
            assert!(takes_gzip(yes), "{}", String::from_utf8_lossy(yes));
        }
        for no in [&b"deflate"[..], b"gzip;q=0", b"gzip;q=0.000", b"xgzip", b""] {
            assert!(!takes_gzip(no), "{}", String::from_utf8_lossy(no));
        }
    }

    #[test]
    fn etag_becomes_weak_once() {
        let mut head = ResponseHead::default();
        head.fields.push(b"ETag", b"\"x\"");
        announce(&mut head);
        assert_eq!(head.fields.get(b"ETag"), Some(&b"W/\"x\""[..]));
        weaken_etag(&mut head);
        assert_eq!(head.fields.get(b"ETag"), Some(&b"W/\"x\""[..]));
    }
}
