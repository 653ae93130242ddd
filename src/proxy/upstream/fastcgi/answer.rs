//! The head of a FastCGI answer: CGI's fields within stdout.

use rkeep_parsers::table::value::Level;

use super::records::{Malformed, Records, behind};
use crate::proxy::request::RequestCtx;
use crate::proxy::upstream::cgi::{STATUS_LINE, status};
use crate::proxy::upstream::receive::{Failed, Form, Received, Rest, read};
use crate::proxy::upstream::trouble::Trouble;

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
            status(cx, Received { rest: Rest::Own(rest, 0), form: Form::Records, ..received }).map(Some)
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

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    !word.is_empty() && bytes.windows(word.len()).any(|window| window == word)
}
