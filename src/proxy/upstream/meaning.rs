//! What the fields of a backend's answer say about it, and which of them must not be. Pure.

use crate::proxy::http::fields::Fields;
use crate::proxy::http::known::{Known, KnownSet};

/// What was said about the body and the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// `Content-Length`
    pub length: Option<u64>,
    /// `Transfer-Encoding: chunked`
    pub chunked: bool,
    /// The backend closes the connection.
    pub close: bool,
    /// What has been seen of fields that may stand only once.
    seen: KnownSet,
}

/// What is to be done with a field.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Keep,
    /// It is ignored; the log says so.
    Ignore(String),
    /// The answer cannot be used; the log says why.
    Refuse(String),
}

impl Meaning {
    /// Of an answer without a head: it ends with the connection.
    pub fn of_nothing() -> Self {
        Meaning { close: true, ..Meaning::default() }
    }

    /// Of an answer without fields whose length is known.
    pub fn of_length(length: u64) -> Self {
        Meaning { length: Some(length), ..Meaning::default() }
    }

    /// Takes one field in. `before` are those that came before it.
    #[inline(always)]
    pub fn take(&mut self, known: Option<Known>, name: &[u8], value: &[u8], before: &Fields) -> Verdict {
        match known {
            None => Verdict::Keep,
            Some(Known::ContentLength) => self.take_length(name, value, before),
            Some(Known::TransferEncoding) => self.take_coding(name, value, before),
            Some(Known::Connection) => {
                self.close |= has_close(value);
                Verdict::Keep
            }
            Some(known) if self.seen.has(known) => match before.get(name) {
                Some(previous) => Verdict::Ignore(duplicate(name, value, previous) + ", ignored"),
                None => Verdict::Keep,
            },
            Some(known) => {
                if known.single() {
                    self.seen.add(known);
                }
                Verdict::Keep
            }
        }
    }

    fn take_length(&mut self, name: &[u8], value: &[u8], before: &Fields) -> Verdict {
        if let Some(previous) = before.get(name) {
            return Verdict::Refuse(duplicate(name, value, previous));
        }
        if self.chunked {
            return Verdict::Refuse(both());
        }
        self.length = digits(value);
        match self.length {
            Some(_) => Verdict::Keep,
            None => Verdict::Refuse(format!(
                "upstream sent invalid \"Content-Length\" header: \"{}: {}\"",
                shown(name),
                shown(value)
            )),
        }
    }

    fn take_coding(&mut self, name: &[u8], value: &[u8], before: &Fields) -> Verdict {
        if let Some(previous) = before.get(name) {
            return Verdict::Refuse(duplicate(name, value, previous));
        }
        if self.length.is_some() {
            return Verdict::Refuse(both());
        }
        self.chunked = value.eq_ignore_ascii_case(b"chunked");
        if self.chunked {
            return Verdict::Keep;
        }
        Verdict::Refuse(format!("upstream sent unknown \"Transfer-Encoding\": \"{}\"", shown(value)))
    }
}

fn duplicate(name: &[u8], value: &[u8], previous: &[u8]) -> String {
    let (name, value, previous) = (shown(name), shown(value), shown(previous));
    format!("upstream sent duplicate header line: \"{name}: {value}\", previous value: \"{name}: {previous}\"")
}

fn both() -> String {
    "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time".to_owned()
}

fn shown(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Whether the word `close` is anywhere in the value.
fn has_close(value: &[u8]) -> bool {
    value != b"keep-alive" && value.windows(5).any(|word| word.eq_ignore_ascii_case(b"close"))
}

/// A number of digits only, up to what a file offset holds.
pub fn digits(value: &[u8]) -> Option<u64> {
    let add = |number: u64, byte: &u8| {
        let digit = byte.wrapping_sub(b'0');
        number.checked_mul(10)?.checked_add(u64::from(digit)).filter(|number| digit < 10 && *number <= i64::MAX as u64)
    };
    if value.is_empty() { None } else { value.iter().try_fold(0, add) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&str, &str)]) -> Result<(Meaning, usize), String> {
        let (mut meaning, mut fields) = (Meaning::default(), Fields::default());
        for (name, value) in lines {
            match meaning.take(Known::of(name.as_bytes()), name.as_bytes(), value.as_bytes(), &fields) {
                Verdict::Keep => fields.push(name.as_bytes(), value.as_bytes()),
                Verdict::Ignore(_) => {}
                Verdict::Refuse(why) => return Err(why),
            }
        }
        Ok((meaning, fields.len()))
    }

    #[test]
    fn framing() {
        assert_eq!(read(&[("content-length", "12")]).map(|read| read.0.length), Ok(Some(12)));
        assert_eq!(read(&[("Transfer-Encoding", "Chunked")]).map(|read| read.0.chunked), Ok(true));
        assert_eq!(read(&[("Connection", "foo, Close")]).map(|read| read.0.close), Ok(true));
    }

    #[test]
    fn refused() {
        for (lines, why) in [
            (
                &[("Content-Length", "1"), ("Content-Length", "1")][..],
                "duplicate header line: \"Content-Length: 1\", previous",
            ),
            (&[("Content-Length", "1x")], "invalid \"Content-Length\" header: \"Content-Length: 1x\""),
            (&[("Content-Length", "99999999999999999999")], "invalid \"Content-Length\""),
            (&[("Content-Length", "1"), ("Transfer-Encoding", "chunked")], "at the same time"),
            (&[("Transfer-Encoding", "chunked"), ("Content-Length", "1")], "at the same time"),
            (&[("Transfer-Encoding", "gzip")], "unknown \"Transfer-Encoding\": \"gzip\""),
        ] {
            let error = read(lines).expect_err(why);
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn the_first_counts() {
        assert_eq!(read(&[("Expires", "a"), ("Expires", "b"), ("Vary", "a"), ("Vary", "b")]).map(|read| read.1), Ok(3));
    }
}
