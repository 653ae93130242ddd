//! Values about TLS: files of certificates and keys, which clients show one, where sessions are kept.

use std::path::PathBuf;

use super::flags::one_of;
use super::{Arity, Cx, Fault, Msec, Value, parse_number, parse_size, parse_time};
use crate::ir::expr::Expr;
use crate::source::Span;
use crate::syntax::tree::Directive;

/// A file of certificates or keys: its path, or `data:` and its bytes; variables are filled in for each handshake.
#[derive(Clone, Debug, Default)]
pub struct TlsFile {
    /// As written.
    pub text: Expr,
    /// What a relative path is below.
    pub dir: PathBuf,
    /// Where it is written.
    pub span: Span,
}

/// What a [`TlsFile`] names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Named {
    /// A file.
    File(PathBuf),
    /// The bytes themselves.
    Data(Vec<u8>),
}

impl TlsFile {
    /// What it names for a value of its text; none for the empty one.
    pub fn named(&self, value: &[u8]) -> Option<Named> {
        if let Some(data) = value.strip_prefix(b"data:") {
            return Some(Named::Data(data.to_vec()));
        }
        let path = (!value.is_empty()).then(|| String::from_utf8_lossy(value))?;
        Some(Named::File(self.dir.join(path.as_ref())))
    }

    /// What it names where it has no variables.
    pub fn fixed(&self) -> Option<Named> {
        self.text.as_text().and_then(|text| self.named(text))
    }
}

impl PartialEq for TlsFile {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.dir == other.dir
    }
}

impl Eq for TlsFile {}

impl Value for TlsFile {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "file";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        Ok(TlsFile { text: Expr::of(word, cx)?, dir: cx.conf_dir.clone(), span: word.span })
    }
}

/// `ssl_verify_client`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum VerifyClient {
    /// Nobody is asked for a certificate.
    #[default]
    Off,
    /// Everybody needs one that is trusted.
    On,
    /// Who has one needs one that is trusted.
    Optional,
    /// Any will do; what was found out about it is a variable.
    OptionalNoCa,
}

impl Value for VerifyClient {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "on | off | optional | optional_no_ca";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        one_of(
            directive.arg(0),
            &[
                ("off", VerifyClient::Off),
                ("on", VerifyClient::On),
                ("optional", VerifyClient::Optional),
                ("optional_no_ca", VerifyClient::OptionalNoCa),
            ],
        )
    }
}

/// `ssl_session_cache`: the words that name a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionCache {
    /// Clients are told that there is none.
    Off,
    /// Sessions are given out, and forgotten.
    #[default]
    None,
    /// One of the server's own, for so many sessions.
    Builtin(u64),
    /// One that servers share: name and bytes.
    Shared(String, u64),
}

impl Value for SessionCache {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "off | none | [builtin[:size]] [shared:name:size]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let mut cache = SessionCache::None;
        for word in &directive.args {
            let text = word.lossy();
            let invalid = || Fault::new(format!("invalid session cache \"{text}\"")).at(word.span);
            let mut parts = text.split(':');
            let found = match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some("off"), None, ..) => SessionCache::Off,
                (Some("none"), None, ..) => SessionCache::None,
                (Some("builtin"), None, ..) => SessionCache::Builtin(20_480),
                (Some("builtin"), Some(size), None, _) => {
                    SessionCache::Builtin(parse_number(size.as_bytes()).ok_or_else(invalid)?)
                }
                (Some("shared"), Some(name), Some(size), None) if !name.is_empty() => {
                    let size = parse_size(size.as_bytes()).ok_or_else(invalid)?;
                    if size < 8 * 4096 {
                        return Err(Fault::new(format!("session cache \"{text}\" is too small")).at(word.span));
                    }
                    SessionCache::Shared(name.to_owned(), size)
                }
                _ => return Err(invalid()),
            };
            if !matches!(cache, SessionCache::Shared(..)) {
                cache = found;
            }
        }
        Ok(cache)
    }
}

/// `ssl_certificate_cache`: whether certificates with variables in their names are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CertificateCache {
    /// They are read for each handshake.
    #[default]
    Off,
    /// They are kept.
    Kept {
        /// How many files.
        max: u64,
        /// How long one may be unused.
        inactive: Msec,
        /// How long one is taken to be as it was read.
        valid: Msec,
    },
}

impl Value for CertificateCache {
    const ARITY: Arity = Arity::range(1, 3);
    const SYNTAX: &'static str = "off | max=number [inactive=time] [valid=time]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let (mut max, mut inactive, mut valid) = (None, 10_000, 60_000);
        let mut off = false;
        for word in &directive.args {
            let text = word.lossy();
            let invalid = || {
                let fault = Fault::new(format!("invalid parameter \"{text}\"")).at(word.span);
                fault.help("one of off, max=, inactive=, valid=")
            };
            let time = |text: &str| parse_time(text.as_bytes(), true).ok_or_else(invalid);
            match text.split_once('=') {
                None if text == "off" => off = true,
                Some(("max", number)) => {
                    let number = parse_number(number.as_bytes()).filter(|number| *number > 0);
                    max = Some(number.ok_or_else(invalid)?);
                }
                Some(("inactive", text)) => inactive = time(text)?,
                Some(("valid", text)) => valid = time(text)?,
                _ => return Err(invalid()),
            }
        }
        match max {
            _ if off => Ok(CertificateCache::Off),
            Some(max) => Ok(CertificateCache::Kept { max, inactive: Msec(inactive), valid: Msec(valid) }),
            None => Err(Fault::new(format!("\"{}\" must have the \"max\" parameter", directive.name.lossy()))),
        }
    }
}

/// `ssl_conf_command`: a setting of OpenSSL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpensslSetting {
    /// `Ciphersuites`, `Options` and the like.
    pub name: String,
    /// What it is set to.
    pub value: String,
    /// Where it is written.
    pub span: Span,
}

impl Value for OpensslSetting {
    const ARITY: Arity = Arity::range(2, 2);
    const SYNTAX: &'static str = "name value";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let (name, value) = (directive.arg(0).lossy().into_owned(), directive.arg(1).lossy().into_owned());
        Ok(OpensslSetting { name, value, span: directive.span })
    }
}
