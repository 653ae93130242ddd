//! Conditions of the request: If-Modified-Since, If-None-Match, If-Match, If-Unmodified-Since.

use rkeep_parsers::table::value::IfModifiedSince;

use crate::proxy::http::date;
use crate::proxy::request::{RequestCtx, Status};

/// Makes the answer 304 where the client has it already.
///
/// # Errors
/// 412 where a condition does not hold.
pub fn filter(cx: &mut RequestCtx) -> Result<(), Status> {
    if cx.out.status != 200 || cx.out.conditions_done {
        return Ok(());
    }
    let fields = &cx.head.fields;
    let unmodified = |since: &[u8]| match cx.out.last_modified {
        Some(modified) => date::parse(since).is_some_and(|since| since >= modified),
        None => false,
    };
    let etag = cx.out.fields.get(b"ETag");
    if fields.get(b"If-Unmodified-Since").is_some_and(|since| !unmodified(since))
        || fields.get(b"If-Match").is_some_and(|list| !matches(list, etag, false))
    {
        cx.out.clear();
        return Err(Status(412));
    }
    let since = fields.get(b"If-Modified-Since");
    let none = fields.get(b"If-None-Match");
    let fresh = (since.is_some() || none.is_some())
        && since.is_none_or(|since| !modified(cx, since))
        && none.is_none_or(|list| matches(list, etag, true));
    if fresh {
        cx.out.status = 304;
        cx.out.status_line = None;
        cx.out.content_type.clear();
        cx.out.content_length = None;
        cx.out.allow_ranges = false;
        cx.out.fields.remove(b"Accept-Ranges");
        cx.out.fields.remove(b"Content-Encoding");
        cx.out.header_only = true;
    }
    Ok(())
}

fn modified(cx: &RequestCtx, since: &[u8]) -> bool {
    let Some(modified) = cx.out.last_modified else { return true };
    let since = date::parse(since).unwrap_or(-1);
    match cx.conf().core.if_modified_since {
        IfModifiedSince::Off => true,
        IfModifiedSince::Exact => since != modified,
        IfModifiedSince::Before => since < modified,
    }
}

/// Whether a list of entity tags holds `etag`; `weak` ignores the mark of weak ones.
pub fn matches(list: &[u8], etag: Option<&[u8]>, weak: bool) -> bool {
    if list == b"*" {
        return true;
    }
    let Some(etag) = etag else { return false };
    let plain = |tag: &'_ [u8]| -> usize { if weak && tag.len() > 2 && tag.starts_with(b"W/") { 2 } else { 0 } };
    let etag = etag.get(plain(etag)..).unwrap_or_default();
    let mut rest = list;
    while !rest.is_empty() {
        rest = rest.get(plain(rest)..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix(etag) {
            let after = after.trim_ascii_start();
            if after.is_empty() || after.starts_with(b",") {
                return true;
            }
        }
        let comma = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
        let next = rest.get(comma..).unwrap_or_default();
        let skip = next.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b',')).count();
        rest = next.get(skip..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags() {
        assert!(matches(b"*", None, true));
        assert!(!matches(b"\"a\"", None, true));
        assert!(matches(b"\"a\", \"b\"", Some(b"\"b\""), false));
        assert!(matches(b"W/\"a\"", Some(b"\"a\""), true));
        assert!(!matches(b"W/\"a\"", Some(b"\"a\""), false));
        assert!(matches(b"\"a\"", Some(b"W/\"a\""), true));
        assert!(!matches(b"\"ab\"", Some(b"\"a\""), true));
        assert!(!matches(b"", Some(b"\"a\""), true));
    }
}
