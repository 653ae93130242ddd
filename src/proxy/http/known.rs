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
        let (known, word) = match (name.len(), name.first()? | 0x20) {
            (4, b'd') => (Known::Date, "date"),
            (4, b'e') => (Known::Etag, "etag"),
            (6, b's') if is_word(name, "server") => return Some(Known::Server),
            (6, b's') => (Known::Status, "status"),
            (7, b'e') => (Known::Expires, "expires"),
            (7, b'r') => (Known::Refresh, "refresh"),
            (8, b'l') => (Known::Location, "location"),
            (10, b'c') => (Known::Connection, "connection"),
            (10, b's') => (Known::SetCookie, "set-cookie"),
            (10, b'k') => (Known::KeepAlive, "keep-alive"),
            (12, b'c') => (Known::ContentType, "content-type"),
            (13, b'l') => (Known::LastModified, "last-modified"),
            (13, b'c') => (Known::CacheControl, "cache-control"),
            (13, b'a') => (Known::AcceptRanges, "accept-ranges"),
            (14, b'c') => (Known::ContentLength, "content-length"),
            (15, b'x') if is_word(name, "x-accel-expires") => return Some(Known::AccelExpires),
            (15, b'x') => (Known::AccelCharset, "x-accel-charset"),
            (16, b'x') => (Known::AccelRedirect, "x-accel-redirect"),
            (17, b't') => (Known::TransferEncoding, "transfer-encoding"),
            (17, b'x') => (Known::AccelBuffering, "x-accel-buffering"),
            (18, b'x') => (Known::AccelLimitRate, "x-accel-limit-rate"),
            (19, b'c') => (Known::ContentDisposition, "content-disposition"),
            _ => return None,
        };
        is_word(name, word).then_some(known)
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

/// Whether a name is a word of small letters and dashes of the same length, in any case. Eight bytes at a time.
fn is_word(name: &[u8], word: &str) -> bool {
    let (names, name_rest) = name.as_chunks::<8>();
    let (words, word_rest) = word.as_bytes().as_chunks::<8>();
    let small = u64::from_ne_bytes([0x20; 8]);
    let same = |(name, word): (&[u8; 8], &[u8; 8])| u64::from_ne_bytes(*name) | small == u64::from_ne_bytes(*word);
    names.iter().zip(words).all(same) && name_rest.iter().zip(word_rest).all(|(have, want)| have | 0x20 == *want)
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
            let other = format!("{}x", &name[..name.len() - 1]);
            assert_eq!(Known::of(other.as_bytes()), None, "{name}");
        }
        assert_eq!(Known::of(b""), None);
    }
}
