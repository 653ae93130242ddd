//! Values of variables and of strings with variables.

mod connection;
pub mod fields;
mod geo;
pub mod map;
mod request;
mod tls;
mod upstream;

use rkeep_parsers::ir::expr::{Builtin, Expr, Part, Prefix, UserVar, Var};

use super::request::RequestCtx;

impl RequestCtx {
    /// Appends the value of an expression to `out`.
    pub fn eval_into(&self, expr: &Expr, out: &mut Vec<u8>) {
        for part in &expr.parts {
            self.eval_part(part, out);
        }
    }

    /// The value of an expression.
    pub fn eval(&self, expr: &Expr) -> Vec<u8> {
        let mut out = Vec::new();
        self.eval_into(expr, &mut out);
        out
    }

    /// Appends the value of one part; nothing where it has none.
    pub fn eval_part(&self, part: &Part, out: &mut Vec<u8>) {
        match part {
            Part::Text(text) => out.extend_from_slice(text),
            Part::Capture(group) => out.extend_from_slice(self.captures.borrow().get(usize::from(*group))),
            Part::Var(var) => {
                self.var_into(var, out);
            }
        }
    }

    /// Appends a variable's value; false where it has none (shown as `-` in logs).
    pub fn var_into(&self, var: &Var, out: &mut Vec<u8>) -> bool {
        match var {
            Var::Builtin(builtin) => self.builtin(*builtin, out),
            Var::Prefixed(prefix, name) => self.prefixed(*prefix, name, out),
            Var::User(user) => self.user_variable(*user, out),
        }
    }

    /// Gives a variable of the configuration its value.
    pub fn set_user(&self, var: UserVar, value: Vec<u8>) {
        let mut user = self.shared.user.borrow_mut();
        let index = var.0 as usize;
        if user.len() <= index {
            user.resize(index + 1, None);
        }
        if let Some(slot) = user.get_mut(index) {
            *slot = Some(value);
        }
    }

    fn builtin(&self, builtin: Builtin, out: &mut Vec<u8>) -> bool {
        use Builtin as B;
        match builtin {
            B::Args | B::QueryString => !self.args.is_empty() && put(out, &self.args),
            B::IsArgs => put(out, if self.args.is_empty() { b"" } else { b"?" }),
            // Of a request that could not be read that far there is none.
            B::Uri | B::DocumentUri => !self.head.raw_uri.is_empty() && put(out, &self.uri),
            B::Host
            | B::Request
            | B::RequestUri
            | B::RequestMethod
            | B::Scheme
            | B::ServerProtocol
            | B::RequestPort
            | B::IsRequestPort
            | B::ContentLength
            | B::ContentType
            | B::RequestBody
            | B::RequestBodyFile
            | B::RequestFilename
            | B::DocumentRoot
            | B::RealpathRoot
            | B::RequestId
            | B::RequestLength
            | B::RequestTime
            | B::RequestCompletion
            | B::RemoteUser
            | B::ServerName
            | B::LimitConnStatus
            | B::LimitReqStatus
            | B::LimitRate => self.request_variable(builtin, out),
            B::Status
            | B::BodyBytesSent
            | B::BytesSent
            | B::GzipRatio
            | B::SentHttpCacheControl
            | B::SentHttpConnection
            | B::SentHttpContentLength
            | B::SentHttpContentType
            | B::SentHttpKeepAlive
            | B::SentHttpLastModified
            | B::SentHttpLink
            | B::SentHttpLocation
            | B::SentHttpTransferEncoding => self.answer_variable(builtin, out),
            B::FastcgiPathInfo
            | B::FastcgiScriptName
            | B::UpstreamAddr
            | B::UpstreamBytesReceived
            | B::UpstreamBytesSent
            | B::UpstreamConnectTime
            | B::UpstreamHeaderTime
            | B::UpstreamResponseLength
            | B::UpstreamResponseTime
            | B::UpstreamStatus
            | B::UpstreamCacheEtag
            | B::UpstreamCacheLastModified
            | B::UpstreamCacheStatus
            | B::ProxyHost
            | B::ProxyPort
            | B::ProxyAddXForwardedFor
            | B::ProxyInternalBodyLength
            | B::ProxyInternalChunked => self.upstream_variable(builtin, out),
            B::SecureLink => self.secure_link(out),
            B::SecureLinkExpires => self.secure_link_expires(out),
            B::UidGot => self.uid_got(out),
            B::UidSet => self.uid_set(out),
            B::UidReset => put(out, b""),
            B::SslAlpnProtocol
            | B::SslCipher
            | B::SslCiphers
            | B::SslClientCert
            | B::SslClientEscapedCert
            | B::SslClientFingerprint
            | B::SslClientIDn
            | B::SslClientIDnLegacy
            | B::SslClientRawCert
            | B::SslClientSDn
            | B::SslClientSDnLegacy
            | B::SslClientSerial
            | B::SslClientVEnd
            | B::SslClientVRemain
            | B::SslClientVStart
            | B::SslClientVerify
            | B::SslCurve
            | B::SslCurves
            | B::SslEarlyData
            | B::SslSessionId
            | B::SslProtocol
            | B::SslServerName
            | B::SslSessionReused => self.tls_variable(builtin, out),
            _ => self.connection_variable(builtin, out),
        }
    }

    fn prefixed(&self, prefix: Prefix, name: &str, out: &mut Vec<u8>) -> bool {
        match prefix {
            Prefix::Http => self.request_field(name, out),
            Prefix::SentHttp => fields::joined(&self.out.fields, name, out),
            Prefix::SentTrailer => fields::joined(&self.out.trailers, name, out),
            Prefix::UpstreamHttp => fields::joined(&self.upstream_fields, name, out),
            Prefix::UpstreamCookie => fields::set_cookie(&self.upstream_fields, name, out),
            Prefix::Arg => fields::argument(&self.args, name, out),
            Prefix::Cookie => fields::cookie(&self.head.fields, name, out),
            Prefix::ProxyProtocolTlv => {
                let value = self.conn.told().and_then(|told| told.value(name));
                put_some(out, value.as_deref())
            }
            Prefix::UpstreamTrailer => false,
        }
    }
}

/// Appends a value that is there.
fn put(out: &mut Vec<u8>, value: &[u8]) -> bool {
    out.extend_from_slice(value);
    true
}

/// Appends a value if it is there.
fn put_some(out: &mut Vec<u8>, value: Option<&[u8]>) -> bool {
    value.is_some_and(|value| put(out, value))
}

/// Appends formatted text.
fn put_fmt(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) -> bool {
    use std::io::Write;
    out.write_fmt(text).is_ok()
}
