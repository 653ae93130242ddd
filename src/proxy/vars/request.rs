//! Variables about the request, its server and its answer.

use rkeep_parsers::ir::expr::Builtin as B;

use super::{put, put_fmt, put_some};
use crate::proxy::body::Stored;
use crate::proxy::clock;
use crate::proxy::http::base64;
use crate::proxy::paths;
use crate::proxy::request::RequestCtx;

impl RequestCtx {
    pub(super) fn request_variable(&self, builtin: B, out: &mut Vec<u8>) -> bool {
        match builtin {
            B::Host if !self.host.is_empty() => put(out, &self.host),
            B::Host | B::ServerName => put(out, &self.server.name),
            B::Request => put(out, &self.head.line),
            B::RequestUri => put(out, &self.head.raw_uri),
            // Of a subrequest it is the client's.
            B::RequestMethod if self.is_subrequest() => put(out, &self.head.method),
            B::RequestMethod => put(out, &self.method),
            B::Scheme => put(out, self.scheme().as_bytes()),
            B::ServerProtocol => match self.conn.stream.h2() {
                Some(_) => put(out, b"HTTP/2.0"),
                None => put_some(out, self.head.protocol()),
            },
            B::RequestPort => self.host_port.is_some_and(|port| put_fmt(out, format_args!("{port}"))),
            B::IsRequestPort => put(out, if self.host_port.is_some() { b":" } else { b"" }),
            B::ContentType => self.request_field("content_type", out),
            B::ContentLength => self.content_length(out),
            B::RequestBody => matches!(&self.body.stored, Stored::Memory(body) if put(out, body)),
            B::RequestBodyFile => match &self.body.stored {
                Stored::File { path, .. } => put(out, path.as_os_str().as_encoded_bytes()),
                _ => false,
            },
            B::RequestFilename => put(out, &paths::of_request(self)),
            B::DocumentRoot => put(out, &paths::root(self)),
            B::RealpathRoot => match std::fs::canonicalize(paths::from_bytes(&paths::root(self))) {
                Ok(path) => put(out, path.as_os_str().as_encoded_bytes()),
                Err(_) => false,
            },
            B::RequestId => self.put_request_id(out),
            B::RequestLength => put_fmt(out, format_args!("{}", self.head.len + self.body.wire)),
            B::RequestTime => {
                let elapsed = clock::since(self.began);
                put_fmt(out, format_args!("{}.{:03}", elapsed.as_secs(), elapsed.subsec_millis()))
            }
            B::RequestCompletion => put(out, if self.complete { b"OK" } else { b"" }),
            B::RemoteUser => put_some(out, self.remote_user().as_deref()),
            B::LimitConnStatus => put_some(out, self.limits.conn.shown().map(str::as_bytes)),
            B::LimitReqStatus => put_some(out, self.limits.req.shown().map(str::as_bytes)),
            B::LimitRate => put_fmt(out, format_args!("{}", self.limit_rate.unwrap_or(0))),
            _ => false,
        }
    }

    fn content_length(&self, out: &mut Vec<u8>) -> bool {
        match self.head.fields.get(b"Content-Length") {
            Some(value) => put(out, value),
            None if self.body.done && self.body.present() => put_fmt(out, format_args!("{}", self.body.received)),
            None => false,
        }
    }

    fn put_request_id(&self, out: &mut Vec<u8>) -> bool {
        let id = self.request_id.get_or_init(|| {
            let mut id = Box::new([0; 16]);
            let _ = rustix::rand::getrandom(&mut *id, rustix::rand::GetRandomFlags::empty());
            id
        });
        id.iter().all(|byte| put_fmt(out, format_args!("{byte:02x}")))
    }

    /// The user name of Basic authentication, whether or not it was asked for.
    fn remote_user(&self) -> Option<Vec<u8>> {
        self.credentials().map(|(user, _)| user)
    }

    /// The name and the password of Basic authentication.
    pub fn credentials(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let value = self.head.fields.get(b"Authorization")?;
        let (scheme, credentials) = value.split_at_checked(6)?;
        let mut name = base64::decode(credentials.trim_ascii()).filter(|_| scheme.eq_ignore_ascii_case(b"basic "))?;
        let colon = name.iter().position(|byte| *byte == b':')?;
        let password = name.split_off(colon).get(1..)?.to_vec();
        Some((name, password))
    }

    pub(super) fn answer_variable(&self, builtin: B, out: &mut Vec<u8>) -> bool {
        let head = &self.out;
        match builtin {
            B::Status => {
                let status = if head.status != 0 { head.status } else { self.error_status };
                if self.head.version == crate::proxy::request::Version::Http09 && status == 0 {
                    return put(out, b"009");
                }
                put_fmt(out, format_args!("{status:03}"))
            }
            B::BodyBytesSent => put_fmt(out, format_args!("{}", self.sent.saturating_sub(self.sent_head))),
            B::BytesSent => put_fmt(out, format_args!("{}", self.sent)),
            B::GzipRatio => self.gzip_ratio(out),
            B::SentHttpContentType if !head.content_type.is_empty() => {
                put(out, &head.content_type)
                    && (head.charset.is_empty() || (put(out, b"; charset=") && put(out, &head.charset)))
            }
            B::SentHttpContentLength => head.content_length.is_some_and(|n| put_fmt(out, format_args!("{n}"))),
            B::SentHttpLastModified if head.own_last_modified => {
                super::fields::joined(&head.fields, "last_modified", out)
            }
            B::SentHttpLastModified => {
                head.last_modified.is_some_and(|at| put(out, crate::proxy::http::date::http(at).as_bytes()))
            }
            B::SentHttpLocation if !head.location.is_empty() => put(out, &head.location),
            B::SentHttpLocation => super::fields::joined(&head.fields, "location", out),
            B::SentHttpConnection if head.status == 101 => put(out, b"upgrade"),
            B::SentHttpConnection => put(out, if self.keepalive { b"keep-alive" } else { b"close" }),
            B::SentHttpKeepAlive => match self.conf().core.keepalive_timeout.header {
                Some(seconds) if self.keepalive => put_fmt(out, format_args!("timeout={seconds}")),
                _ => false,
            },
            B::SentHttpTransferEncoding => head.chunked && put(out, b"chunked"),
            B::SentHttpCacheControl => super::fields::joined(&head.fields, "cache_control", out),
            B::SentHttpLink => super::fields::joined(&head.fields, "link", out),
            _ => false,
        }
    }

    fn gzip_ratio(&self, out: &mut Vec<u8>) -> bool {
        let (plain, packed) = self.gzip_bytes;
        if packed == 0 {
            return false;
        }
        let thousandths = plain * 1000 / packed;
        // Rounded to two places, as nginx does.
        let hundredths = thousandths / 10 + u64::from(thousandths % 10 > 4);
        put_fmt(out, format_args!("{}.{:02}", hundredths / 100, hundredths % 100))
    }
}
