//! Fields of answers that mean something to a proxy.

/// A field that nginx knows.
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
    /// The field of this name, in any case. No byte of the name is a control.
    pub fn of(name: &[u8]) -> Option<Known> {
        // Length and first letter leave one or two.
        match (name.len(), name.first()? | 0x20) {
            (4, b'd') => named(name, b"date", Known::Date),
            (4, b'e') => named(name, b"etag", Known::Etag),
            (6, b's') => named(name, b"server", Known::Server).or_else(|| named(name, b"status", Known::Status)),
            (7, b'e') => named(name, b"expires", Known::Expires),
            (7, b'r') => named(name, b"refresh", Known::Refresh),
            (8, b'l') => named(name, b"location", Known::Location),
            (10, b'c') => named(name, b"connection", Known::Connection),
            (10, b's') => named(name, b"set-cookie", Known::SetCookie),
            (10, b'k') => named(name, b"keep-alive", Known::KeepAlive),
            (12, b'c') => named(name, b"content-type", Known::ContentType),
            (13, b'l') => named(name, b"last-modified", Known::LastModified),
            (13, b'c') => named(name, b"cache-control", Known::CacheControl),
            (13, b'a') => named(name, b"accept-ranges", Known::AcceptRanges),
            (14, b'c') => named(name, b"content-length", Known::ContentLength),
            (15, b'x') => named(name, b"x-accel-expires", Known::AccelExpires)
                .or_else(|| named(name, b"x-accel-charset", Known::AccelCharset)),
            (16, b'x') => named(name, b"x-accel-redirect", Known::AccelRedirect),
            (17, b't') => named(name, b"transfer-encoding", Known::TransferEncoding),
            (17, b'x') => named(name, b"x-accel-buffering", Known::AccelBuffering),
            (18, b'x') => named(name, b"x-accel-limit-rate", Known::AccelLimitRate),
            (19, b'c') => named(name, b"content-disposition", Known::ContentDisposition),
            _ => None,
        }
    }

    /// Whether a second one is ignored with a warning.
    pub fn single(self) -> bool {
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

#[inline(always)]
fn named<const N: usize>(name: &[u8], word: &[u8; N], known: Known) -> Option<Known> {
    is_word(name, word).then_some(known)
}

/// Whether a name is a word of small letters and dashes, in any case. No name ends the comparison early: of arrays, whose
/// length is known, it is a few wide instructions.
#[inline(always)]
fn is_word<const N: usize>(name: &[u8], word: &[u8; N]) -> bool {
    let differences = |name: &[u8; N]| name.iter().zip(word).fold(0, |all, (have, want)| all | ((have | 0x20) ^ want));
    name.try_into().is_ok_and(|name| differences(name) == 0)
}

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownSet(u32);

impl KnownSet {
    /// Adds one.
    pub fn add(&mut self, known: Known) {
        self.0 |= 1 << (known as u32);
    }

    /// Whether it is among them.
    pub fn has(self, known: Known) -> bool {
        self.0 & (1 << (known as u32)) != 0
    }
}

impl FromIterator<Known> for KnownSet {
    fn from_iter<I: IntoIterator<Item = Known>>(known: I) -> Self {
        let mut set = KnownSet::default();
        known.into_iter().for_each(|known| set.add(known));
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let all = [
            "Status",
            "Content-Type",
            "Content-Length",
            "Date",
            "Last-Modified",
            "ETag",
            "Server",
            "Location",
            "Refresh",
            "Set-Cookie",
            "Cache-Control",
            "Content-Disposition",
            "Expires",
            "Accept-Ranges",
            "Connection",
            "Keep-Alive",
            "X-Accel-Expires",
            "X-Accel-Redirect",
            "X-Accel-Limit-Rate",
            "X-Accel-Buffering",
            "X-Accel-Charset",
            "Transfer-Encoding",
        ];
        let mut seen = KnownSet::default();
        for name in all {
            let known = Known::of(name.as_bytes()).unwrap();
            assert!(!seen.has(known), "{name}");
            seen.add(known);
            assert_eq!(Known::of(name.to_uppercase().as_bytes()), Some(known));
            for at in 0..name.len() {
                let mut other = name.as_bytes().to_vec();
                other[at] = b'#';
                assert_eq!(Known::of(&other), None, "{name} at {at}");
            }
        }
        assert_eq!(Known::of(b""), None);
    }
}
