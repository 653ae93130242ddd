//! How a directive's words become a value: one file for each kind of value.

mod access;
mod answer;
mod browser;
mod cache;
mod checked;
mod client;
mod content;
mod cx;
mod expr;
mod flags;
mod limit;
mod log;
mod param;
mod process;
mod proxy;
mod realip;
mod scalar;
mod subrequest;
mod tls;
mod userid;
mod visitor;
mod zones;

pub(crate) use access::parse_network;
pub use access::{AccessRule, Whom};
pub use answer::{GzipStatic, ListFormat, SubRule};
pub use browser::{AncientBrowsers, BrowserWord, Family, ModernBrowsers, version as browser_version};
pub use cache::{AnyOf, CacheMethods, CacheName, CacheValid, StoreAccess};
pub use checked::{
    set_byte, set_connections, set_file_cache, set_gzip_level, set_method, set_patterns, set_pool_size, set_rate,
};
pub use client::{
    BodyInFile, GzipProxied, IfModifiedSince, KeepaliveTimeout, Lingering, Resolver, Satisfy, ServerTokens,
};
pub use content::{AddHeader, CharsetName, Expires, HeadersInherit, MediaTypes, Types, set_types};
pub use cx::{Compat, Cx, Dialect, Fault};
pub use expr::{ErrorPage, Exprs, PathTemplate, TryFallback, TryFile, TryFiles};
pub use flags::{Flag, set_flags};
pub use limit::{ConnectionLimit, ConnectionLimits, LimitLevel, LimitStatus, RequestLimit, RequestLimits};
pub use log::{AccessLog, AccessLogs, ErrorLog, Level, LogTarget, Syslog};
pub use param::Param;
pub use process::{TempPath, User, WorkerProcesses};
pub use proxy::{
    Bind, CookieRewrite, HeaderPair, HttpVersion, NextUpstream, RedirectRule, Redirects, Store, set_backend_version,
    set_redirect,
};
pub use realip::{RealIpHeader, Trusted};
pub use scalar::{
    Buffers, Msec, Number, Offset, Present, SignedNumber, Size, Words, parse_number, parse_offset, parse_size,
    parse_time,
};
pub use subrequest::{Assignment, Mirrors, OrOff};
pub use tls::{CertificateCache, Named, OpensslSetting, SessionCache, TlsFile, VerifyClient};
pub use userid::{UseridExpires, UseridMark, UseridMode};
pub use visitor::{Realm, Referers, UserFile};
pub use zones::{ZoneUse, Zones};

use super::{Arity, Range};
use crate::syntax::tree::Directive;

/// A type that a directive's words can be read as.
pub trait Value: Clone + Default {
    /// How many words.
    const ARITY: Arity;
    /// The manual's word for it.
    const SYNTAX: &'static str;
    /// Which numbers it takes, if it is one.
    const RANGE: Option<Range> = None;

    /// Reads the words of `directive`.
    ///
    /// # Errors
    /// A [`Fault`] with the original's words.
    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault>;

    /// Takes a second occurrence at the same level; most directives refuse it.
    ///
    /// # Errors
    /// `is duplicate`, or what the type says.
    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        let _ = more;
        Err(Fault::verdict("is duplicate"))
    }
}

/// Values that may be written several times at one level: each adds to the list.
impl<T: Value> Value for Vec<T> {
    const ARITY: Arity = T::ARITY;
    const SYNTAX: &'static str = T::SYNTAX;
    const RANGE: Option<Range> = T::RANGE;

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        Ok(vec![T::parse(directive, cx)?])
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.extend(more);
        Ok(())
    }
}

/// Values without a default.
impl<T: Value> Value for Option<T> {
    const ARITY: Arity = T::ARITY;
    const SYNTAX: &'static str = T::SYNTAX;
    const RANGE: Option<Range> = T::RANGE;

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        T::parse(directive, cx).map(Some)
    }
}

/// Values shared by many holders.
impl<T: Value> Value for std::sync::Arc<T> {
    const ARITY: Arity = T::ARITY;
    const SYNTAX: &'static str = T::SYNTAX;
    const RANGE: Option<Range> = T::RANGE;

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        T::parse(directive, cx).map(Self::new)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        match std::sync::Arc::try_unwrap(more) {
            Ok(more) => Self::make_mut(self).repeat(more),
            Err(more) => Self::make_mut(self).repeat((*more).clone()),
        }
    }
}
