//! What a location with `proxy_pass` needs, made once when the configuration is taken over.

use std::sync::Arc;

use rkeep_parsers::ir::http::{Location, Protocol, ProxyPass};
use rkeep_parsers::nginx::Proxy;

use super::cookies::CookieRules;
use super::fastcgi::request::Scripts;
use super::headers::RequestHeaders;
use super::redirect::RedirectRules;
use crate::plan::ProxyPlan;
use crate::proxy::cache;
use crate::proxy::http::fields::{Field, NameSet};
use crate::proxy::http::known::{Known, KnownSet};
use crate::proxy::regex::Regexes;
use crate::proxy::tls::client::ClientContext;

/// Fields of an answer that clients do not see unless `proxy_pass_header` says so.
const HIDDEN: [&str; 5] =
    ["X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"];

/// The same of backends that speak HTTP.
const HIDDEN_OF_HTTP: [&str; 3] = ["Date", "Server", "X-Pad"];

/// A prepared `proxy_pass`.
#[derive(Debug, Default)]
pub struct Route {
    /// The request's fields.
    pub headers: RequestHeaders,
    /// The same where the answer is kept.
    pub headers_for_cache: Option<RequestHeaders>,
    /// Names of fields of the answer that are not passed.
    hidden: NameSet,
    /// Those among them that are known.
    hidden_known: KnownSet,
    /// How `Location` and `Refresh` are rewritten.
    pub redirects: RedirectRules,
    /// How cookies are.
    pub cookies: CookieRules,
    /// What of X-Accel is not heeded.
    pub ignored: Ignored,
    /// What a cache does not heed.
    pub uncached: cache::Ignored,
    /// What handshakes with backends need.
    pub tls: Option<Arc<ClientContext>>,
    /// `TE` is set.
    pub sets_te: bool,
    /// Scripts of FastCGI servers.
    pub scripts: Scripts,
}

/// `proxy_ignore_headers`, as far as it matters without a cache.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ignored {
    /// X-Accel-Redirect
    pub redirect: bool,
    /// X-Accel-Limit-Rate
    pub limit_rate: bool,
    /// X-Accel-Buffering
    pub buffering: bool,
    /// X-Accel-Charset
    pub charset: bool,
}

impl Route {
    /// Prepares a location.
    ///
    /// # Errors
    /// What cannot be served.
    pub fn compile(location: &Location, pass: &ProxyPass, plan: &ProxyPlan) -> Result<Route, String> {
        let conf = &location.conf.proxy;
        let mut regexes = Regexes::default();
        Ok(Route {
            headers: RequestHeaders::new(conf, plan.compat),
            headers_for_cache: conf.cache.0.is_some().then(|| RequestHeaders::for_cache(conf, plan.compat)),
            hidden_known: hidden(conf, pass.protocol).filter_map(|name| Known::of(name.as_bytes())).collect(),
            hidden: hidden(conf, pass.protocol).collect(),
            redirects: RedirectRules::compile(&conf.redirect, location, pass, &mut regexes)?,
            cookies: CookieRules::compile(conf, &mut regexes)?,
            ignored: Ignored::new(conf),
            uncached: uncached(conf),
            tls: tls(location, pass, plan)?,
            sets_te: conf.set_header.iter().any(|set| set.name.eq_ignore_ascii_case("te")),
            scripts: Scripts::compile(&location.conf.fastcgi, &mut regexes)?,
        })
    }

    /// Whether clients do not see a known field.
    pub fn hides(&self, known: Known) -> bool {
        self.hidden_known.has(known)
    }

    /// Whether clients do not see a field.
    pub fn hides_field(&self, field: &Field<'_>) -> bool {
        field.known.map_or_else(|| self.hidden.has(field.name), |known| self.hides(known))
    }
}

fn tls(location: &Location, pass: &ProxyPass, plan: &ProxyPlan) -> Result<Option<Arc<ClientContext>>, String> {
    if !pass.may_be_https() {
        return Ok(None);
    }
    let mut findings = Vec::new();
    let context = ClientContext::compile(location, plan, &mut findings);
    match findings.into_iter().find(|found| found.error) {
        Some(found) => Err(found.text),
        None => Ok(context.map(Arc::new)),
    }
}

fn hidden(conf: &Proxy, protocol: Protocol) -> impl Iterator<Item = &str> {
    let own: &[&str] = match protocol {
        Protocol::Http => &HIDDEN_OF_HTTP,
        Protocol::Grpc => &["Date", "Server"],
        Protocol::FastCgi | Protocol::Scgi | Protocol::Uwsgi => &["Status"],
        Protocol::Memcached => &[],
    };
    let passed = |name: &&str| conf.pass_header.iter().any(|passed| passed.eq_ignore_ascii_case(name));
    let all = own.iter().copied().chain(HIDDEN).chain(conf.hide_header.iter().map(String::as_str));
    all.filter(move |name| !passed(name))
}

/// Whether `proxy_ignore_headers` names a field.
fn ignores(conf: &Proxy, name: &str) -> bool {
    conf.ignore_headers.0.iter().any(|word| word.eq_ignore_ascii_case(name))
}

fn uncached(conf: &Proxy) -> cache::Ignored {
    cache::Ignored {
        accel_expires: ignores(conf, "X-Accel-Expires"),
        expires: ignores(conf, "Expires"),
        cache_control: ignores(conf, "Cache-Control"),
        set_cookie: ignores(conf, "Set-Cookie"),
        vary: ignores(conf, "Vary"),
    }
}

impl Ignored {
    fn new(conf: &Proxy) -> Self {
        let has = |name: &str| ignores(conf, name);
        Ignored {
            redirect: has("X-Accel-Redirect"),
            limit_rate: has("X-Accel-Limit-Rate"),
            buffering: has("X-Accel-Buffering"),
            charset: has("X-Accel-Charset"),
        }
    }
}
