//! What the fields of a backend's answer say about it, and which of them must not be. Pure.

use crate::proxy::http::fields::{self, Fields};

/// Fields that nginx knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of the fields")]
pub enum Known {
    Status,
    ContentType,
    ContentLength,
    Date,
    LastModified,
    Etag,
    Server,
    Location,
    Refresh,
    SetCookie,
    CacheControl,
    ContentDisposition,
    Expires,
    AcceptRanges,
    Connection,
    KeepAlive,
    AccelExpires,
    AccelRedirect,
    AccelLimitRate,
    AccelBuffering,
    AccelCharset,
    TransferEncoding,
}

impl Known {
    /// The field of this name, in any case.
    pub fn of(name: &[u8]) -> Option<Known> {
        let is = |known: &str| fields::is_named(name, known.as_bytes());
        // By length first: most fields are told apart by it alone.
        let (known, word) = match name.len() {
            4 if is("date") => return Some(Known::Date),
            4 => (Known::Etag, "etag"),
            6 if is("server") => return Some(Known::Server),
            6 => (Known::Status, "status"),
            7 if is("expires") => return Some(Known::Expires),
            7 => (Known::Refresh, "refresh"),
            8 => (Known::Location, "location"),
            10 if is("connection") => return Some(Known::Connection),
            10 if is("set-cookie") => return Some(Known::SetCookie),
            10 => (Known::KeepAlive, "keep-alive"),
            12 => (Known::ContentType, "content-type"),
            13 if is("last-modified") => return Some(Known::LastModified),
            13 if is("cache-control") => return Some(Known::CacheControl),
            13 => (Known::AcceptRanges, "accept-ranges"),
            14 => (Known::ContentLength, "content-length"),
            15 if is("x-accel-expires") => return Some(Known::AccelExpires),
            15 => (Known::AccelCharset, "x-accel-charset"),
            16 => (Known::AccelRedirect, "x-accel-redirect"),
            17 if is("transfer-encoding") => return Some(Known::TransferEncoding),
            17 => (Known::AccelBuffering, "x-accel-buffering"),
            18 => (Known::AccelLimitRate, "x-accel-limit-rate"),
            19 => (Known::ContentDisposition, "content-disposition"),
            _ => return None,
        };
        is(word).then_some(known)
    }

    /// Whether a second one is ignored with a warning.
    fn single(self) -> bool {
        matches!(
            self,
            Known::Status
                | Known::ContentType
                | Known::Date
                | Known::LastModified
                | Known::Etag
                | Known::Server
                | Known::Location
                | Known::Refresh
                | Known::Expires
                | Known::AccelExpires
                | Known::AccelRedirect
                | Known::AccelLimitRate
        )
    }

    /// Whether X-Accel-Redirect keeps the field.
    pub fn survives_redirect(self) -> bool {
        matches!(
            self,
            Known::ContentType
                | Known::SetCookie
                | Known::ContentDisposition
                | Known::CacheControl
                | Known::Expires
                | Known::AcceptRanges
        )
    }
}

/// What was said about the body and the connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// `Content-Length`
    pub length: Option<u64>,
    /// `Transfer-Encoding: chunked`
    pub chunked: bool,
    /// The backend closes the connection.
    pub close: bool,
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
    /// Takes one field in. `before` are those that came before it.
    pub fn take(&mut self, name: &[u8], value: &[u8], before: &Fields) -> Verdict {
        let Some(known) = Known::of(name) else { return Verdict::Keep };
        match known {
            Known::ContentLength => self.take_length(name, value, before),
            Known::TransferEncoding => self.take_coding(name, value, before),
            Known::Connection => {
                self.close |= has_close(value);
                Verdict::Keep
            }
            _ if known.single() => match before.get(name) {
                Some(previous) => Verdict::Ignore(duplicate(name, value, previous) + ", ignored"),
                None => Verdict::Keep,
            },
            _ => Verdict::Keep,
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
    value.windows(5).any(|word| word.eq_ignore_ascii_case(b"close"))
}

/// A number of digits only, up to what a file offset holds.
pub fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse::<i64>().ok().map(i64::unsigned_abs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&str, &str)]) -> Result<(Meaning, usize), String> {
        let (mut meaning, mut fields) = (Meaning::default(), Fields::default());
        for (name, value) in lines {
            match meaning.take(name.as_bytes(), value.as_bytes(), &fields) {
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
