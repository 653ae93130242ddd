//! Answers of CGI's descendants: fields without a status line, the status as one of them. SCGI and uwsgi send them bare,
//! FastCGI within records.

use rkeep_parsers::table::value::Level;

use super::receive::{Failed, Form, Received, Rest, read};
use super::trouble::Trouble;
use crate::proxy::request::RequestCtx;

/// What a head of HTTP has and CGI's has not.
pub const STATUS_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// Reads a head out of all that has come; none when more is needed. A status line may be there all the same.
///
/// # Errors
/// [`Failed`]; the log says why.
pub fn receive(cx: &mut RequestCtx, raw: &[u8]) -> Result<Option<Received>, Failed> {
    let start = raw.get(..raw.len().min(5)).unwrap_or_default();
    let with_line = start == b"HTTP/";
    if !with_line && b"HTTP/".starts_with(start) {
        return Ok(None);
    }
    let (bytes, added) = match with_line {
        true => (raw.to_vec(), 0),
        false => ([STATUS_LINE, raw].concat(), STATUS_LINE.len()),
    };
    let Some((received, at)) = read(cx, &bytes)? else { return Ok(None) };
    let rest = Rest::Own(bytes, at.max(added));
    let received = Received { rest, form: Form::Cgi, ..received };
    if with_line { Ok(Some(received)) } else { status(cx, received).map(Some) }
}

/// The status is a field; where it is missing a `Location` makes it 302.
///
/// # Errors
/// A field that is no status; the log says so.
pub fn status(cx: &RequestCtx, received: Received) -> Result<Received, Failed> {
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
