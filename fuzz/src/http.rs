//! HTTP/1: heads of requests and of answers, chunked bodies.

use rkeep::proxy::http::chunked::{Decoder, Malformed};
use rkeep::proxy::http::fields::Fields;
use rkeep::proxy::http::head::{self, Progress, Refused, Rules};
use rkeep::proxy::http::known::Known;
use rkeep::proxy::http::{host, uri};
use rkeep::proxy::request::RequestHead;
use rkeep::proxy::upstream::head as answer;
use rkeep::proxy::upstream::meaning::{Meaning, Verdict};

const RULES: Rules = Rules {
    ignore_invalid: true,
    underscores: false,
    max_headers: 1000,
    first_buffer: 1024,
    large: (4, 8192),
    merge_slashes: true,
};

/// A request's head: a whole one ends within the bytes, means the same without what follows, and lacks something when
/// its last byte has not come.
pub fn request_head(bytes: &[u8]) {
    let (progress, head) = request(bytes);
    let Ok(Progress::Complete(len)) = progress else { return };
    let whole = bytes.get(..len).unwrap_or_else(|| panic!("{len} of {} bytes", bytes.len()));
    let (again, alone) = request(whole);
    assert_eq!(again, Ok(Progress::Complete(len)));
    assert_eq!((&head.line, &head.raw_uri, head.len), (&alone.line, &alone.raw_uri, alone.len));
    let (early, _) = request(whole.get(..len - 1).unwrap_or_default());
    assert!(!matches!(early, Ok(Progress::Complete(_))), "complete without its end");
    let (mut path, mut args) = (Vec::new(), Vec::new());
    if uri::normalise(&head.raw_uri, true, &mut path, &mut args).is_ok() {
        assert_eq!(path.first(), Some(&b'/'));
        assert!(
            !path.split(|byte| *byte == b'/').any(|part| part == b".."),
            "dots are left in {}",
            path.escape_ascii()
        );
        uri::is_safe(&path);
        uri::unescape(&path);
    }
}

fn request(bytes: &[u8]) -> (Result<Progress, Refused>, RequestHead) {
    let (mut head, mut dropped) = (RequestHead::default(), Vec::new());
    let progress =
        head::parse(bytes, RULES, &mut head, &mut dropped, |name, _| match host::parse(name, &mut Vec::new()) {
            Ok(_) => Ok(RULES),
            Err(_) => Err(Refused { status: 400, text: String::new() }),
        });
    (progress, head)
}

/// A backend's head: the same, and its fields can be judged.
pub fn answer_head(bytes: &[u8]) {
    let (mut meaning, mut fields) = (Meaning::default(), Fields::default());
    let parsed = answer::parse(bytes, |line| {
        let known = Known::of(line.name);
        if meaning.take(known, line.name, line.value, &fields) == Verdict::Keep {
            fields.push_line(line, known);
        }
    });
    assert!(!(meaning.chunked && meaning.length.is_some()), "two framings");
    let Ok(answer::Parsed::Head(head)) = parsed else { return };
    let whole = bytes.get(..head.len).unwrap_or_else(|| panic!("{} of {} bytes", head.len, bytes.len()));
    assert!(bytes.get(head.status_line.clone()).is_some());
    let early = whole.get(..head.len - 1).unwrap_or_default();
    assert!(!matches!(answer::parse(early, |_| {}), Ok(answer::Parsed::Head(_))), "complete without its end");
    assert_eq!(answer::parse(whole, |_| {}), Ok(answer::Parsed::Head(head)));
}

/// A chunked body: however it is cut, it holds the same data and ends at the same byte. The first byte says how.
pub fn chunked(bytes: &[u8]) {
    let Some((cut, body)) = bytes.split_first() else { return };
    let whole = decode(body, body.len().max(1), usize::MAX);
    let pieces = decode(body, usize::from(*cut).max(1), usize::from(*cut).max(1));
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces),
        (Err(Malformed), Err(Malformed)) => {}
        (whole, pieces) => panic!("{whole:?} whole, {pieces:?} in pieces"),
    }
}

/// The data, how many bytes were used, and whether it has ended.
fn decode(body: &[u8], piece: usize, room: usize) -> Result<(Vec<u8>, usize, bool), Malformed> {
    let (mut decoder, mut data, mut used) = (Decoder::default(), Vec::new(), 0);
    while let Some(rest) = body.get(used..).filter(|rest| !rest.is_empty() && !decoder.done()) {
        let input = rest.get(..piece).unwrap_or(rest);
        let taken = decoder.decode(input, &mut data, room)?;
        assert!(taken > 0 && taken <= input.len(), "{taken} of {}", input.len());
        used += taken;
    }
    Ok((data, used, decoder.done()))
}
