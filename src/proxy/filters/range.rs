//! `Range` and `If-Range` (RFC 9110 §14): which bytes of an answer a request asks for, read as nginx reads them.

use super::conditions::http_date;
use crate::proxy::http::fields::Fields;
use crate::proxy::response::ResponseHead;

/// Bytes `start..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub start: u64,
    /// One past the last.
    pub end: u64,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// The whole answer.
    Whole,
    /// Nothing that there is: 416.
    Unsatisfiable,
    /// These bytes: 206.
    Some(Vec<ByteRange>),
}

/// Decides the ranges of an answer that may be cut. `max` is `max_ranges`.
pub fn ask(request: &Fields, answer: &ResponseHead, max: u64) -> Ranges {
    let Some(length) = answer.content_length.filter(|_| answer.allow_ranges && answer.status == 200 && max > 0) else {
        return Ranges::Whole;
    };
    let Some(range) = request.get(b"Range").and_then(bytes_unit) else { return Ranges::Whole };
    if request.get(b"If-Range").is_some_and(|validator| !holds(validator, answer)) {
        return Ranges::Whole;
    }
    parse(range, length, max)
}

/// What follows `bytes=`.
fn bytes_unit(range: &[u8]) -> Option<&[u8]> {
    let (unit, rest) = range.split_at_checked(6)?;
    unit.eq_ignore_ascii_case(b"bytes=").then_some(rest)
}

/// Whether an `If-Range` names the answer that there is.
fn holds(validator: &[u8], answer: &ResponseHead) -> bool {
    if validator.ends_with(b"\"") {
        return answer.fields.get(b"ETag") == Some(validator) && !validator.starts_with(b"W/");
    }
    answer.last_modified.is_some() && http_date(validator) == answer.last_modified
}

/// Reads a list of ranges over `length` bytes. More than `max`, or more bytes than there are, is the whole.
pub fn parse(list: &[u8], length: u64, max: u64) -> Ranges {
    let mut ranges = Vec::new();
    let (mut rest, mut bytes) = (list, 0_u64);
    loop {
        let Some((spec, after)) = one(rest) else { return Ranges::Unsatisfiable };
        let range = spec.resolve(length);
        if range.start < range.end {
            bytes = bytes.saturating_add(range.end - range.start);
            ranges.push(range);
            if ranges.len() as u64 > max {
                return Ranges::Whole;
            }
        } else if range.start == 0 {
            return Ranges::Whole;
        }
        match after.split_first() {
            Some((b',', next)) => rest = next,
            Some(_) => return Ranges::Unsatisfiable,
            None => break,
        }
    }
    match (ranges.is_empty(), bytes > length) {
        (true, _) => Ranges::Unsatisfiable,
        (_, true) => Ranges::Whole,
        _ => Ranges::Some(ranges),
    }
}

/// One range as written.
enum Spec {
    /// `first-last`, `first-`
    From(u64, Option<u64>),
    /// `-count`
    Last(u64),
}

impl Spec {
    fn resolve(&self, length: u64) -> ByteRange {
        match *self {
            Spec::From(start, last) => {
                ByteRange { start, end: last.map_or(length, |last| last.saturating_add(1).min(length)) }
            }
            Spec::Last(count) => ByteRange { start: length.saturating_sub(count), end: length },
        }
    }
}

/// The range at the beginning of `text` with the blanks around it, and what follows.
fn one(text: &[u8]) -> Option<(Spec, &[u8])> {
    let text = text.trim_ascii_start();
    if let Some(rest) = text.strip_prefix(b"-") {
        let (count, rest) = number(rest)?;
        return Some((Spec::Last(count), rest.trim_ascii_start()));
    }
    let (start, rest) = number(text)?;
    let rest = rest.trim_ascii_start().strip_prefix(b"-")?.trim_ascii_start();
    if rest.is_empty() || rest.starts_with(b",") {
        return Some((Spec::From(start, None), rest));
    }
    let (last, rest) = number(rest)?;
    Some((Spec::From(start, Some(last)), rest.trim_ascii_start()))
}

/// A number that fits nginx's offsets, and what follows.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(digits)?;
    let value: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (value <= i64::MAX as u64).then_some((value, rest))
}

/// The value of `Content-Range`.
pub fn content_range(range: ByteRange, length: u64) -> String {
    format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(list: &str) -> Vec<(u64, u64)> {
        match parse(list.as_bytes(), 100, 10) {
            Ranges::Some(ranges) => ranges.iter().map(|range| (range.start, range.end)).collect(),
            other => panic!("{list}: {other:?}"),
        }
    }

    #[test]
    fn satisfiable() {
        assert_eq!(some("0-4"), [(0, 5)]);
        assert_eq!(some("95-"), [(95, 100)]);
        assert_eq!(some("-3"), [(97, 100)]);
        assert_eq!(some("0-4, 5-"), [(0, 5), (5, 100)]);
        assert_eq!(some(" 0-4 , 7-8"), [(0, 5), (7, 9)]);
        assert_eq!(some("0-4,200-"), [(0, 5)]);
        assert_eq!(some("-1000"), [(0, 100)]);
        assert_eq!(some("90-1000"), [(90, 100)]);
    }

    #[test]
    fn not_satisfiable() {
        for list in ["200-", "5-2", "x", "", "1-2x", "1", "-", "0-4,", "99999999999999999999-"] {
            assert_eq!(parse(list.as_bytes(), 100, 10), Ranges::Unsatisfiable, "{list}");
        }
    }

    #[test]
    fn too_much_is_the_whole() {
        assert_eq!(parse(b"0-99,0-99", 100, 10), Ranges::Whole);
        assert_eq!(parse(b"0-0,1-1,2-2", 100, 2), Ranges::Whole);
        assert_eq!(parse(b"0-", 0, 2), Ranges::Whole);
    }

    #[test]
    fn if_range() {
        let mut answer =
            ResponseHead { status: 200, content_length: Some(100), allow_ranges: true, ..ResponseHead::default() };
        answer.fields.push(b"ETag", b"\"a\"");
        let mut request = Fields::default();
        request.push(b"Range", b"bytes=0-0");
        request.push(b"If-Range", b"\"a\"");
        assert!(matches!(ask(&request, &answer, 10), Ranges::Some(_)));
        request.set(b"If-Range", b"\"b\"");
        assert_eq!(ask(&request, &answer, 10), Ranges::Whole);
    }
}
