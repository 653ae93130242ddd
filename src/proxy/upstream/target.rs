//! To which upstream a request goes, and under which name and URI.

use crate::proxy::boxed::boxed;
use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use rkeep_parsers::ir::http::{Address, Protocol, ProxyPass, Target};
use rkeep_parsers::table::value::Level;

use super::pools::Upstream;
use super::resolve::resolve;
use super::uri;
use crate::proxy::request::{RequestCtx, Status};

/// Where a request goes.
#[derive(Debug)]
pub struct Destination<'a> {
    /// The upstream.
    pub upstream: Arc<Upstream>,
    /// The name for `Host`.
    pub host: Cow<'a, [u8]>,
    /// Whether it is reached by TLS.
    pub https: bool,
    /// The URI part of a URL with variables: it is the whole URI then.
    uri: Option<Vec<u8>>,
}

/// A URL's parts.
#[derive(Debug, PartialEq, Eq)]
struct Url {
    /// With the port as written.
    host: String,
    /// Without.
    name: String,
    port: Option<u16>,
    path: Option<PathBuf>,
    uri: String,
}

impl<'a> Destination<'a> {
    /// Of a request.
    ///
    /// # Errors
    /// 500 for a URL that is none, 502 where its host cannot be resolved.
    pub async fn of(cx: &mut RequestCtx, pass: &'a ProxyPass) -> Result<Destination<'a>, Status> {
        match &pass.target {
            Target::Pool(id) => {
                let upstream = cx.snapshot.upstreams.get(*id).ok_or(Status(500))?;
                Ok(Destination { upstream, host: Cow::Borrowed(&pass.host), https: pass.https, uri: None })
            }
            Target::Dynamic(url) => {
                let mut url = String::from_utf8_lossy(&cx.eval(url)).into_owned();
                let protocol = pass.protocol;
                let begins = |https| {
                    let scheme = protocol.scheme(https);
                    url.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
                };
                if protocol != Protocol::Http && !(protocol.has_schemes() && (begins(false) || begins(true))) {
                    url.insert_str(0, protocol.scheme(false));
                }
                // In a box, so that requests to known upstreams are no larger for it.
                boxed(|| Destination::of_url(cx, &url, protocol)).await
            }
        }
    }

    async fn of_url(cx: &mut RequestCtx, text: &str, protocol: Protocol) -> Result<Destination<'a>, Status> {
        let after = |scheme: &str| {
            let begins = text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
            text.get(scheme.len()..).filter(|rest| begins && !rest.is_empty())
        };
        let (plain, encrypted) = (after(protocol.scheme(false)), after(protocol.scheme(true)));
        // Where both schemes are one there is no other.
        let https = encrypted.is_some() && plain.is_none();
        let usual = if https { 443 } else { 80 };
        let Some(rest) = plain.or(encrypted) else {
            cx.error(Level::Error, format_args!("invalid URL prefix in \"{text}\""));
            return Err(Status(500));
        };
        let url = Url::parse(rest).map_err(|why| {
            cx.error(Level::Error, format_args!("{why} in upstream \"{rest}\""));
            Status(500)
        })?;
        cx.proxy_host = Some(Box::new((url.host.clone().into_bytes(), url.port.unwrap_or(usual))));
        let upstream = find(cx, &url, usual).await?;
        let uri = (!url.uri.is_empty()).then(|| url.uri.into_bytes());
        Ok(Destination { upstream, host: Cow::Owned(url.host.into_bytes()), https, uri })
    }

    /// Appends the URI of the request.
    pub fn write_uri(&self, cx: &RequestCtx, pass: &ProxyPass, out: &mut Vec<u8>) {
        if let Some(uri) = &self.uri {
            return out.extend_from_slice(uri);
        }
        let raw = cx.head.raw_uri.as_slice();
        let path_end = raw.iter().position(|&byte| byte == b'?').unwrap_or(raw.len());
        let quoted = raw.get(..path_end).unwrap_or_default().contains(&b'%');
        let asked = uri::Asked {
            raw: cx.uri_untouched.then_some(raw),
            path: &cx.uri,
            args: &cx.args,
            escaped: quoted || cx.internal,
            in_location: cx.valid_location,
        };
        uri::compose(asked, pass.uri.as_deref(), &pass.replaced, out);
    }
}

/// The upstream a URL names, or one of its address alone.
async fn find(cx: &mut RequestCtx, url: &Url, usual: u16) -> Result<Arc<Upstream>, Status> {
    if let Some(upstream) = cx.snapshot.upstreams.by_name(&url.name, url.port, usual) {
        return Ok(upstream);
    }
    let port = url.port.unwrap_or(usual);
    let ip = url.name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let hosts = match (&url.path, ip) {
        (Some(path), _) => return Ok(cx.snapshot.upstreams.alone(&url.host, vec![Address::Unix(path.clone())])),
        (None, Ok(ip)) => vec![ip],
        (None, Err(_)) => resolve(cx, &url.name).await?,
    };
    let addresses = hosts.into_iter().map(|ip| Address::Inet(SocketAddr::new(ip, port))).collect();
    Ok(cx.snapshot.upstreams.alone(&url.host, addresses))
}

impl Url {
    /// Reads what stands behind `http://`.
    fn parse(text: &str) -> Result<Url, &'static str> {
        if let Some(rest) = text.strip_prefix("unix:") {
            let (path, uri) = rest.split_once(':').unwrap_or((rest, ""));
            if path.is_empty() {
                return Err("no path in the unix domain socket");
            }
            let host = "localhost".to_owned();
            return Ok(Url { name: host.clone(), host, port: None, path: Some(path.into()), uri: uri.to_owned() });
        }
        let end = text.find(['/', '?']).unwrap_or(text.len());
        let (host, uri) = text.split_at(end);
        let uri = if uri.starts_with('?') { format!("/{uri}") } else { uri.to_owned() };
        let after_bracket = host.rfind(']').map_or(0, |at| at + 1);
        let (name, port) = match host.get(after_bracket..).and_then(|rest| rest.rfind(':')) {
            Some(colon) => host.split_at(after_bracket + colon),
            None => (host, ""),
        };
        if name.is_empty() {
            return Err("no host");
        }
        let port = match port.strip_prefix(':') {
            None => None,
            Some(digits) => Some(digits.parse().ok().filter(|&port| port != 0).ok_or("invalid port")?),
        };
        Ok(Url { host: host.to_owned(), name: name.to_owned(), port, path: None, uri })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let url = Url::parse("Backend:8080/x?y").expect("a URL");
        assert_eq!(
            (url.host.as_str(), url.name.as_str(), url.port, url.uri.as_str()),
            ("Backend:8080", "Backend", Some(8080), "/x?y")
        );
        let url = Url::parse("[::1]?y").expect("a URL");
        assert_eq!((url.name.as_str(), url.port, url.uri.as_str()), ("[::1]", None, "/?y"));
        let url = Url::parse("unix:/tmp/s:/uri").expect("a URL");
        assert_eq!((url.path, url.uri.as_str()), (Some("/tmp/s".into()), "/uri"));
        assert_eq!(Url::parse("a:0/"), Err("invalid port"));
        assert_eq!(Url::parse(":80"), Err("no host"));
    }
}
