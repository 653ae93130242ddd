//! Conditional requests: If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since (RFC 9110 §13), as nginx's
//! not-modified filter decides them.

use std::time::{SystemTime, UNIX_EPOCH};

use rkeep_parsers::table::value::IfModifiedSince;

use crate::proxy::http::fields::Fields;
use crate::proxy::response::ResponseHead;

/// What the conditions of a request say of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is sent.
    Send,
    /// The client has it: 304.
    NotModified,
    /// The client wanted another: 412.
    Failed,
}

/// Decides the conditions of `request` on an answer of status 200; other answers are not subject to them.
pub fn check(request: &Fields, answer: &ResponseHead, mode: IfModifiedSince) -> Outcome {
    if answer.status != 200 || answer.conditions_done {
        return Outcome::Send;
    }
    let etag = answer.fields.get(b"ETag");
    let modified = answer.last_modified;
    if request.get(b"If-Unmodified-Since").is_some_and(|since| !unmodified(since, modified)) {
        return Outcome::Failed;
    }
    if request.get(b"If-Match").is_some_and(|list| !matches(list, etag, Compare::Strong)) {
        return Outcome::Failed;
    }
    let since = request.get(b"If-Modified-Since");
    let none_match = request.get(b"If-None-Match");
    let fresh = since.is_none_or(|since| !is_newer(since, modified, mode))
        && none_match.is_none_or(|list| matches(list, etag, Compare::Weak));
    match (since.is_some() || none_match.is_some()) && fresh {
        true => Outcome::NotModified,
        false => Outcome::Send,
    }
}

/// Makes a 304 of an answer: what describes the body goes.
pub fn not_modified(answer: &mut ResponseHead) {
    answer.status = 304;
    answer.status_line = None;
    answer.content_type.clear();
    answer.content_length = None;
    answer.allow_ranges = false;
    answer.fields.remove(b"Content-Encoding");
}

/// How entity tags are compared (RFC 9110 §8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    Strong,
    Weak,
}

fn unmodified(since: &[u8], modified: Option<i64>) -> bool {
    match (modified, http_date(since)) {
        (Some(modified), Some(since)) => modified <= since,
        _ => false,
    }
}

fn is_newer(since: &[u8], modified: Option<i64>, mode: IfModifiedSince) -> bool {
    let (Some(modified), Some(since)) = (modified, http_date(since)) else { return true };
    match mode {
        IfModifiedSince::Off => true,
        IfModifiedSince::Exact => modified != since,
        IfModifiedSince::Before => modified > since,
    }
}

fn matches(list: &[u8], etag: Option<&[u8]>, compare: Compare) -> bool {
    if list == b"*" {
        return true;
    }
    let Some(etag) = etag else { return false };
    let weak_ok = compare == Compare::Weak;
    let strip = |tag: &'_ [u8]| -> Vec<u8> { tag.strip_prefix(b"W/").filter(|_| weak_ok).unwrap_or(tag).to_vec() };
    if !weak_ok && etag.starts_with(b"W/") {
        return false;
    }
    let etag = strip(etag);
    list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).any(|tag| strip(tag) == etag)
}

/// Seconds since 1970 of an HTTP date in any of its three forms.
pub fn http_date(text: &[u8]) -> Option<i64> {
    let time: SystemTime = httpdate::parse_http_date(std::str::from_utf8(text).ok()?.trim()).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &[u8] = b"Mon, 23 Nov 2026 06:14:48 GMT";

    fn answer() -> ResponseHead {
        let mut head = ResponseHead { status: 200, last_modified: http_date(DATE), ..ResponseHead::default() };
        head.fields.push(b"ETag", b"\"abc\"");
        head
    }

    fn with(fields: &[(&str, &[u8])]) -> Outcome {
        let mut request = Fields::default();
        fields.iter().for_each(|(name, value)| request.push(name.as_bytes(), value));
        check(&request, &answer(), IfModifiedSince::Exact)
    }

    #[test]
    fn dates() {
        assert_eq!(with(&[("If-Modified-Since", DATE)]), Outcome::NotModified);
        assert_eq!(with(&[("If-Modified-Since", b"Mon, 23 Nov 2026 06:14:49 GMT")]), Outcome::Send);
        assert_eq!(with(&[("If-Unmodified-Since", DATE)]), Outcome::Send);
        assert_eq!(with(&[("If-Unmodified-Since", b"Sun, 22 Nov 2026 06:14:49 GMT")]), Outcome::Failed);
        assert_eq!(with(&[("If-Modified-Since", b"nonsense")]), Outcome::Send);
    }

    #[test]
    fn tags() {
        assert_eq!(with(&[("If-None-Match", b"\"x\", W/\"abc\"")]), Outcome::NotModified);
        assert_eq!(with(&[("If-None-Match", b"\"x\"")]), Outcome::Send);
        assert_eq!(with(&[("If-None-Match", b"*")]), Outcome::NotModified);
        assert_eq!(with(&[("If-Match", b"\"abc\"")]), Outcome::Send);
        assert_eq!(with(&[("If-Match", b"W/\"abc\"")]), Outcome::Failed);
        assert_eq!(with(&[("If-None-Match", b"\"x\""), ("If-Modified-Since", DATE)]), Outcome::Send);
    }

    #[test]
    fn only_for_200() {
        let mut request = Fields::default();
        request.push(b"If-None-Match", b"*");
        let head = ResponseHead { status: 404, ..answer() };
        assert_eq!(check(&request, &head, IfModifiedSince::Exact), Outcome::Send);
    }
}
