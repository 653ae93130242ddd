//! Values about backends: fields sent, when the next one is tried, what is rewritten on the way back.

use std::net::{IpAddr, SocketAddr};

use super::flags::{bits, one_of};
use super::{Arity, Cx, Fault, Value};
use crate::ir::expr::Expr;
use crate::ir::http::Regex;
use crate::source::Spanned;
use crate::syntax::tree::{Directive, Word};

/// A header field and its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderPair {
    /// The field's name as written.
    pub name: String,
    /// Its value; an empty one removes the field.
    pub value: Expr,
}

/// An HTTP version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum HttpVersion {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
    /// HTTP/2
    Http20,
}

/// `proxy_next_upstream`, a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextUpstream(pub u32);

impl NextUpstream {
    /// `error`
    pub const ERROR: u32 = 1;
    /// `timeout`
    pub const TIMEOUT: u32 = 1 << 1;
    /// `invalid_header`
    pub const INVALID_HEADER: u32 = 1 << 2;
    /// `http_500`
    pub const HTTP_500: u32 = 1 << 3;
    /// `http_502`
    pub const HTTP_502: u32 = 1 << 4;
    /// `http_503`
    pub const HTTP_503: u32 = 1 << 5;
    /// `http_504`
    pub const HTTP_504: u32 = 1 << 6;
    /// `http_403`
    pub const HTTP_403: u32 = 1 << 7;
    /// `http_404`
    pub const HTTP_404: u32 = 1 << 8;
    /// `http_429`
    pub const HTTP_429: u32 = 1 << 9;
    /// `updating` (caches)
    pub const UPDATING: u32 = 1 << 10;
    /// `non_idempotent`
    pub const NON_IDEMPOTENT: u32 = 1 << 11;
    /// `off`
    pub const OFF: u32 = 1 << 12;

    /// Whether a flag is in the set.
    pub fn has(self, flag: u32) -> bool {
        self.0 & flag != 0
    }
}

/// `proxy_redirect`; not written is `default`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// The URL of `proxy_pass` becomes the location's prefix.
    #[default]
    Default,
    /// Nothing is rewritten.
    Off,
    /// Rules in order; the first that matches.
    Rules(Vec<RedirectRule>),
}

/// One `proxy_redirect`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectRule {
    /// `default` among others.
    Default,
    /// A prefix and its replacement.
    Prefix(Expr, Expr),
    /// A pattern and its replacement.
    Regex(Regex, Expr),
}

/// `proxy_cookie_domain`, `_path`, `_flags`: the words as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CookieRewrite {
    /// `off` alone clears what was inherited.
    pub words: Vec<Expr>,
    /// The pattern, where the first word is one (`~…`): that word is then the pattern's text.
    pub regex: Option<Regex>,
}

/// `proxy_bind`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bind {
    /// The address; none is `off`.
    pub address: Option<Expr>,
    /// `transparent`
    pub transparent: bool,
}

/// `proxy_store`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store(pub Option<Expr>);

impl Value for HeaderPair {
    const ARITY: Arity = Arity::range(2, 2);
    const SYNTAX: &'static str = "field value";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        Ok(HeaderPair { name: directive.arg(0).lossy().into_owned(), value: Expr::of(directive.arg(1), cx)? })
    }
}

impl Value for HttpVersion {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "1.0 | 1.1";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        one_of(directive.arg(0), &[("1.0", HttpVersion::Http10), ("1.1", HttpVersion::Http11)])
    }
}

/// `proxy_http_version`: one more than `gzip_http_version` has.
///
/// # Errors
/// `invalid value "x"`, or `is duplicate`.
pub fn set_backend_version(
    field: &mut Option<Spanned<HttpVersion>>,
    directive: &Directive,
    _: &mut Cx,
) -> Result<(), Fault> {
    let list = [("1.0", HttpVersion::Http10), ("1.1", HttpVersion::Http11), ("2", HttpVersion::Http20)];
    let version = one_of(directive.arg(0), &list)?;
    match field.replace(Spanned::new(version, directive.span)) {
        Some(_) => Err(Fault::verdict("is duplicate")),
        None => Ok(()),
    }
}

impl Value for NextUpstream {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "error | timeout | invalid_header | http_500 | … | off …";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let list = [
            ("error", NextUpstream::ERROR),
            ("timeout", NextUpstream::TIMEOUT),
            ("invalid_header", NextUpstream::INVALID_HEADER),
            ("non_idempotent", NextUpstream::NON_IDEMPOTENT),
            ("http_500", NextUpstream::HTTP_500),
            ("http_502", NextUpstream::HTTP_502),
            ("http_503", NextUpstream::HTTP_503),
            ("http_504", NextUpstream::HTTP_504),
            ("http_403", NextUpstream::HTTP_403),
            ("http_404", NextUpstream::HTTP_404),
            ("http_429", NextUpstream::HTTP_429),
            ("updating", NextUpstream::UPDATING),
            ("off", NextUpstream::OFF),
        ];
        let of_memcached = [
            ("error", NextUpstream::ERROR),
            ("timeout", NextUpstream::TIMEOUT),
            ("invalid_response", NextUpstream::INVALID_HEADER),
            ("not_found", NextUpstream::HTTP_404),
            ("off", NextUpstream::OFF),
        ];
        let list = if directive.name.is("memcached_next_upstream") { &of_memcached[..] } else { &list };
        bits(directive, list, cx).map(NextUpstream)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.0 |= more.0;
        Ok(())
    }
}

impl Value for Redirects {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "default | off | redirect replacement";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let (first, second) = (directive.arg(0), directive.arg(1));
        match (directive.args.len(), first.text.as_slice()) {
            (1, b"off") => Ok(Redirects::Off),
            (1, b"default") => Ok(Redirects::Rules(vec![RedirectRule::Default])),
            (1, _) => Err(Fault::new(format!("invalid parameter \"{}\"", first.lossy())).at(first.span)),
            _ => rule(first, second, cx).map(|rule| Redirects::Rules(vec![rule])),
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        match (self, more) {
            (Redirects::Rules(rules), Redirects::Rules(more)) => rules.extend(more),
            _ => return Err(Fault::verdict("is duplicate")),
        }
        Ok(())
    }
}

fn rule(from: &Word, to: &Word, cx: &mut Cx) -> Result<RedirectRule, Fault> {
    match from.text.strip_prefix(b"~") {
        None => Ok(RedirectRule::Prefix(Expr::of(from, cx)?, Expr::of(to, cx)?)),
        Some(pattern) => {
            let caseless = pattern.strip_prefix(b"*");
            let regex = Regex::compile(caseless.unwrap_or(pattern), caseless.is_some(), from.span, cx)?;
            Ok(RedirectRule::Regex(regex, Expr::of(to, cx)?))
        }
    }
}

/// `proxy_redirect`: rules of one level add up; `off` excludes them.
///
/// # Errors
/// `is duplicate`, or what is wrong with the rule.
pub fn set_redirect(field: &mut Option<Spanned<Redirects>>, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
    crate::table::set_field(field, directive, cx)
}

impl Value for CookieRewrite {
    const ARITY: Arity = Arity::range(1, 9);
    const SYNTAX: &'static str = "off | value replacement";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let first = directive.arg(0);
        if directive.args.len() == 1 && !first.is("off") && !directive.name.is("proxy_cookie_flags") {
            return Err(Fault::new(format!("invalid parameter \"{}\"", first.lossy())).at(first.span));
        }
        if directive.args.len() > 2 && !directive.name.is("proxy_cookie_flags") {
            return Err(Fault::new(format!("invalid number of arguments in \"{}\" directive", directive.name.lossy())));
        }
        let Some(pattern) = first.text.strip_prefix(b"~") else {
            let words = directive.args.iter().map(|word| Expr::of(word, cx)).collect::<Result<_, _>>()?;
            return Ok(CookieRewrite { words, regex: None });
        };
        // Only a path's pattern minds its letters' case unless told otherwise.
        let starred = pattern.strip_prefix(b"*").filter(|_| directive.name.is("proxy_cookie_path"));
        let caseless = starred.is_some() || !directive.name.is("proxy_cookie_path");
        let regex = Regex::compile(starred.unwrap_or(pattern), caseless, first.span, cx)?;
        let mut words = vec![Expr::text(first.text.as_slice())];
        for word in directive.args.iter().skip(1) {
            words.push(Expr::of(word, cx)?);
        }
        Ok(CookieRewrite { words, regex: Some(regex) })
    }
}

impl Value for Bind {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "address [transparent] | off";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let (word, more) = (directive.arg(0), directive.args.get(1));
        if more.is_none() && word.is("off") {
            return Ok(Bind::default());
        }
        let address = Expr::of(word, cx)?;
        if address.as_text().is_some() && !is_address(&word.lossy()) {
            return Err(Fault::new(format!("invalid address \"{}\"", word.lossy())).at(word.span));
        }
        if let Some(more) = more.filter(|more| !more.is("transparent")) {
            return Err(Fault::new(format!("invalid parameter \"{}\"", more.lossy())).at(more.span));
        }
        Ok(Bind { address: Some(address), transparent: more.is_some() })
    }
}

fn is_address(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

impl Value for Store {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "on | off | string";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        match directive.arg(0).is("off") {
            true => Ok(Store(None)),
            false => Expr::of(directive.arg(0), cx).map(|path| Store(Some(path))),
        }
    }
}
