//! The head of a FastCGI answer: CGI's fields within stdout.

use rkeep_parsers::table::value::Level;

use super::records::{Malformed, Records, behind};
use crate::proxy::request::RequestCtx;
use crate::proxy::upstream::receive::{Failed, Received, Rest, Wire, read};
use crate::proxy::upstream::trouble::Trouble;

/// What a head of HTTP has and CGI's has not.
const STATUS_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// Reads a head out of all that has come; none when more is needed.
///
/// # Errors
/// [`Failed`]; the log says why.
pub fn receive(cx: &mut RequestCtx, raw: &[u8]) -> Result<Option<Received>, Failed> {
    let invalid = || Failed::Try(Trouble::InvalidHeader);
    let (mut records, mut bytes) = (Records::default(), STATUS_LINE.to_vec());
    if let Err(Malformed(version)) = records.decode(raw, &mut bytes) {
        cx.error(Level::Error, format_args!("upstream sent unsupported FastCGI protocol version: {version}"));
        return Err(invalid());
    }
    let caught = cx.conf().fastcgi.catch_stderr.iter().any(|word| contains(&records.stderr, word.as_bytes()));
    let found = if caught { Err(invalid()) } else { read(cx, &bytes) };
    if !matches!(found, Ok(None)) || records.done {
        complain(cx, &records.stderr);
    }
    match found? {
        Some((received, at)) => {
            let rest = behind(raw, at - STATUS_LINE.len());
            status(cx, Received { rest: Rest::Own(rest, 0), wire: Wire::Records, ..received }).map(Some)
        }
        None if records.done => {
            cx.error(Level::Error, format_args!("upstream prematurely closed FastCGI stdout"));
            Err(invalid())
        }
        None => Ok(None),
    }
}

/// Tells the log what was said on stderr.
pub fn complain(cx: &RequestCtx, stderr: &[u8]) {
    if !stderr.is_empty() {
        let said = String::from_utf8_lossy(stderr.trim_ascii_end()).into_owned();
        cx.error(Level::Error, format_args!("FastCGI sent in stderr: \"{said}\""));
    }
}

/// The status is a field; where it is missing a `Location` makes it 302.
fn status(cx: &RequestCtx, received: Received) -> Result<Received, Failed> {
    let Some(line) = cx.upstream_fields.get(b"Status") else {
        let found = if cx.upstream_fields.has(b"Location") { 302 } else { 200 };
        return Ok(Received { status: found, status_line: None, ..received });
    };
    let digits = line.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit));
    let Some(status) = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok()) else {
        let shown = String::from_utf8_lossy(line).into_owned();
        cx.error(Level::Error, format_args!("upstream sent invalid status \"{shown}\""));
        return Err(Failed::Try(Trouble::InvalidHeader));
    };
    let status_line = (line != b"200 OK").then(|| line.to_vec());
    Ok(Received { status, status_line, ..received })
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && bytes.windows(word.len()).any(|window| window == word)
}
