//! Which answers `gzip` compresses.

use rkeep_parsers::table::value::{GzipProxied, HttpVersion};

use super::gzip::Encoder;
use super::has_type;
use crate::proxy::http::date;
use crate::proxy::phases::find::is_msie6;
use crate::proxy::request::{RequestCtx, Version};

/// Makes a compressor where the answer is to be compressed, and tells so in the head.
pub fn filter(cx: &mut RequestCtx) -> Option<Box<Encoder>> {
    let conf = &cx.conf().gzip;
    let wanted = conf.on
        && matches!(cx.out.status, 200 | 403 | 404)
        && cx.out.fields.get(b"Content-Encoding").is_none_or(<[u8]>::is_empty)
        && cx.out.content_length.is_none_or(|length| length >= conf.min_length.0)
        && has_type(&conf.types, &cx.out)
        && !cx.out.header_only;
    if !wanted {
        return None;
    }
    cx.out.gzip_vary = true;
    if !client_takes_it(cx) {
        return None;
    }
    cx.out.fields.push(b"Content-Encoding", b"gzip");
    cx.out.content_length = None;
    cx.out.allow_ranges = false;
    cx.out.fields.remove(b"Accept-Ranges");
    weaken_etag(cx);
    Some(Box::new(Encoder::new(cx.conf().gzip.level.0 as u32)))
}

/// Whether the client takes packed answers, and may.
pub fn client_takes_it(cx: &RequestCtx) -> bool {
    let fields = &cx.head.fields;
    let conf = &cx.conf().gzip;
    let version = match conf.http_version {
        HttpVersion::Http10 => Version::Http10,
        HttpVersion::Http11 | HttpVersion::Http20 => Version::Http11,
    };
    let agent = fields.get(b"User-Agent");
    fields.get(b"Accept-Encoding").is_some_and(accepts_gzip)
        && cx.head.version >= version
        && (!fields.has(b"Via") || proxied(cx))
        && !agent.is_some_and(|agent| disabled(cx, agent))
}

fn disabled(cx: &RequestCtx, agent: &[u8]) -> bool {
    let Some(words) = &cx.conf().gzip.disable else { return false };
    words.0.iter().any(|word| word == "msie6") && is_msie6(agent)
        || cx.location.gzip_disable.iter().any(|regex| regex.is_match(agent))
}

/// Whether an Accept-Encoding has gzip with a weight above zero.
fn accepts_gzip(accept: &[u8]) -> bool {
    accept.split(|byte| *byte == b',').any(|coding| {
        let mut parts = coding.split(|byte| *byte == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let weight = parts.next().unwrap_or_default().trim_ascii();
        name.eq_ignore_ascii_case(b"gzip") && (weight.is_empty() || weight_above_zero(weight))
    })
}

fn weight_above_zero(weight: &[u8]) -> bool {
    let [b'q' | b'Q', b'=', value @ ..] = weight else { return weight.eq_ignore_ascii_case(b"q") };
    match std::str::from_utf8(value).ok().and_then(|text| text.parse::<f32>().ok()) {
        Some(value) => value > 0.0 && value <= 1.0,
        None => false,
    }
}

/// `gzip_proxied`
fn proxied(cx: &RequestCtx) -> bool {
    let set = cx.conf().gzip.proxied.0;
    let has = |flag: u32| set & flag != 0;
    if has(GzipProxied::OFF) {
        return false;
    }
    if has(GzipProxied::ANY) || (has(GzipProxied::AUTH) && cx.head.fields.has(b"Authorization")) {
        return true;
    }
    let out = &cx.out.fields;
    if let Some(expires) = out.get(b"Expires") {
        let now = out.get(b"Date").map_or(Some(date::now()), date::parse);
        let past = matches!((date::parse(expires), now), (Some(expires), Some(now)) if expires < now);
        return has(GzipProxied::EXPIRED) && past;
    }
    if let Some(control) = out.get(b"Cache-Control") {
        let says = |word: &[u8]| control.split(|byte| *byte == b',').any(|part| part.trim_ascii().starts_with(word));
        return (has(GzipProxied::NO_CACHE) && says(b"no-cache"))
            || (has(GzipProxied::NO_STORE) && says(b"no-store"))
            || (has(GzipProxied::PRIVATE) && says(b"private"));
    }
    let modified = cx.out.own_last_modified || cx.out.last_modified.is_some();
    let dated = has(GzipProxied::NO_LAST_MODIFIED) && modified;
    let tagged = has(GzipProxied::NO_ETAG) && out.has(b"ETag");
    !dated && !tagged
}

/// A changed answer is only weakly the same entity.
pub fn weaken_etag(cx: &mut RequestCtx) {
    let Some(etag) = cx.out.fields.get(b"ETag") else { return };
    if etag.starts_with(b"W/") {
        return;
    }
    if etag.starts_with(b"\"") {
        let weak = [b"W/", etag].concat();
        cx.out.fields.set(b"ETag", &weak);
    } else {
        cx.out.fields.remove(b"ETag");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_encoding() {
        for (accept, takes) in [
            ("gzip", true),
            ("deflate, gzip", true),
            ("gzip;q=0", false),
            ("gzip;q=0.5", true),
            ("gzip;q=0.000", false),
            ("xgzip", false),
            ("GZIP , br", true),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(accept.as_bytes()), takes, "{accept}");
        }
    }
}
