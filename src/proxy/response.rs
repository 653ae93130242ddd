//! The head of an answer under construction.

use super::http::fields::Fields;

/// The head of an answer. The fields with a place of their own are written first by the head filter, in nginx's order;
/// a handler or the upstream side puts all others (`ETag`, `Location`, `Set-Cookie` …) into `fields`, which follow. A
/// `Location` that begins with `/` is made absolute and moved to its own place by the head filter.
#[derive(Clone, Debug, Default)]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// What stands after the version where it differs from nginx's own words, as a backend sent it: `200 Fine`.
    pub status_line: Option<Vec<u8>>,
    /// `Content-Type` without what `charset` adds; empty for none.
    pub content_type: Vec<u8>,
    /// Whether `content_type` may get `; charset=`: it was made here, or came without one.
    pub charset_open: bool,
    /// The character set to add.
    pub charset: Vec<u8>,
    /// The one that a backend wants instead of the location's.
    pub charset_override: Vec<u8>,
    /// `Content-Length`; none when not known.
    pub content_length: Option<u64>,
    /// `Last-Modified`, seconds since 1970, for conditions; written by the head filter unless `own_last_modified`.
    pub last_modified: Option<i64>,
    /// `Location` once it has been made absolute; until then it is in `fields`.
    pub location: Vec<u8>,
    /// Whether `Server` is a backend's, in `fields`.
    pub own_server: bool,
    /// Whether `Last-Modified` is a backend's, in `fields`.
    pub own_last_modified: bool,
    /// Whether `Location` is a backend's that stays as it is, even where it is only a path.
    pub own_location: bool,
    /// Whether `Date` is a backend's, in `fields`.
    pub own_date: bool,
    /// `Accept-Ranges: bytes` is offered and ranges may be cut out of the body.
    pub allow_ranges: bool,
    /// Conditions of the request are not looked at again (a backend has answered them).
    pub conditions_done: bool,
    /// The body is chunked; set by the chunked filter.
    pub chunked: bool,
    /// `Vary: Accept-Encoding` is due where `gzip_vary` is on.
    pub gzip_vary: bool,
    /// No body follows, whatever the length says.
    pub header_only: bool,
    /// All other fields, in order.
    pub fields: Fields,
    /// Trailer fields: sent after the last chunk.
    pub trailers: Fields,
}

impl ResponseHead {
    /// Makes it empty and keeps the memory.
    pub fn clear(&mut self) {
        // Field by field, where they are: it is large.
        let ResponseHead {
            status,
            status_line,
            content_type,
            charset_open,
            charset,
            charset_override,
            content_length,
            last_modified,
            location,
            own_server,
            own_last_modified,
            own_location,
            own_date,
            allow_ranges,
            conditions_done,
            chunked,
            gzip_vary,
            header_only,
            fields,
            trailers,
        } = self;
        *status = 0;
        *status_line = None;
        *content_length = None;
        *last_modified = None;
        for bytes in [content_type, charset, charset_override, location] {
            bytes.clear();
        }
        for flag in [
            charset_open,
            own_server,
            own_last_modified,
            own_location,
            own_date,
            allow_ranges,
            conditions_done,
            chunked,
            gzip_vary,
            header_only,
        ] {
            *flag = false;
        }
        fields.clear();
        trailers.clear();
    }

    /// Forgets what is true only of a body that stays as it is.
    pub fn body_is_made(&mut self, keeps_date: bool) {
        self.content_length = None;
        self.allow_ranges = false;
        self.fields.remove(b"Accept-Ranges");
        if !keeps_date {
            self.last_modified = None;
            self.own_last_modified = false;
            self.fields.remove(b"Last-Modified");
            self.fields.remove(b"ETag");
        }
    }

    /// Forgets what depends on the body, before an error page replaces it.
    pub fn clear_body_fields(&mut self) {
        self.content_length = None;
        self.allow_ranges = false;
        self.last_modified = None;
        self.own_last_modified = false;
        self.fields.remove(b"Last-Modified");
        self.fields.remove(b"ETag");
        self.fields.remove(b"Accept-Ranges");
        self.fields.remove(b"Content-Encoding");
    }
}
