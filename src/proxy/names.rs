//! Which server a host name means: exact names, the longest `*.name`, the longest `name.*`, patterns in order.

use rkeep_parsers::ir::http::{Listener, ServerName};
use rustc_hash::FxHashMap;

use super::regex::{Regex, Regexes};
use super::request::Captures;
use crate::plan::ProxyPlan;

/// The servers of one address by name.
#[derive(Debug, Default)]
pub struct Names {
    /// Whether a proxy in front tells of the client before the first request.
    pub proxy_protocol: bool,
    /// Whether connections begin with a handshake.
    pub tls: bool,
    /// Whether `listen` says that HTTP/2 is spoken.
    pub http2: bool,
    default: usize,
    exact: FxHashMap<Vec<u8>, usize>,
    /// `.example.com` of `*.example.com`
    suffix: FxHashMap<Vec<u8>, usize>,
    /// `www.` of `www.*`
    prefix: FxHashMap<Vec<u8>, usize>,
    regexes: Vec<(Regex, usize)>,
}

impl Names {
    /// Compiles the names of a listener's servers; of a name written twice the first counts.
    ///
    /// # Errors
    /// Of a pattern.
    pub fn compile(listener: &Listener, plan: &ProxyPlan, regexes: &mut Regexes) -> Result<Names, String> {
        let servers = listener.servers.iter().filter_map(|id| Some((id.index(), plan.servers.get(*id)?)));
        let all = servers.flat_map(|(index, server)| server.names.iter().map(move |name| (name.clone(), index)));
        let names = Names::of(listener.default.index(), all, regexes)?;
        let options = &listener.options;
        Ok(Names { proxy_protocol: options.proxy_protocol, tls: options.ssl, http2: options.http2, ..names })
    }

    /// Compiles names that stand for numbers; of a name written twice the first counts.
    ///
    /// # Errors
    /// Of a pattern.
    pub fn of(
        default: usize,
        all: impl IntoIterator<Item = (ServerName, usize)>,
        regexes: &mut Regexes,
    ) -> Result<Names, String> {
        let mut names = Names { default, ..Names::default() };
        for (name, number) in all {
            names.add(&name, number, regexes)?;
        }
        Ok(names)
    }

    fn add(&mut self, name: &ServerName, server: usize, regexes: &mut Regexes) -> Result<(), String> {
        match name {
            ServerName::Exact(name) => {
                self.exact.entry(name.clone().into_bytes()).or_insert(server);
            }
            ServerName::Suffix(suffix) => {
                self.suffix.entry(suffix.clone().into_bytes()).or_insert(server);
            }
            ServerName::Dot(domain) => {
                let domain = domain.trim_start_matches('.');
                self.exact.entry(domain.into()).or_insert(server);
                self.suffix.entry(format!(".{domain}").into_bytes()).or_insert(server);
            }
            ServerName::Prefix(prefix) => {
                self.prefix.entry(prefix.clone().into_bytes()).or_insert(server);
            }
            ServerName::Regex(regex) => self.regexes.push((regexes.compile(regex)?, server)),
        }
        Ok(())
    }

    /// The server of requests that name none known.
    pub fn default_server(&self) -> usize {
        self.default
    }

    /// The server of a host (lower case, no port; empty for none), and the pattern with its captures where one matched.
    pub fn find(&self, host: &[u8]) -> (usize, Option<(&Regex, Captures)>) {
        if let Some(server) = self.exact.get(host).or_else(|| self.by_suffix(host)).or_else(|| self.by_prefix(host)) {
            return (*server, None);
        }
        if !host.is_empty() {
            for (regex, server) in &self.regexes {
                if let Some(found) = regex.captures(host) {
                    return (*server, Some((regex, found)));
                }
            }
        }
        (self.default, None)
    }

    /// The server that claims a host, if one does.
    pub fn known(&self, host: &[u8]) -> Option<usize> {
        let named = self.exact.get(host).or_else(|| self.by_suffix(host)).or_else(|| self.by_prefix(host)).copied();
        named.or_else(|| {
            self.regexes.iter().find(|(regex, _)| regex.captures(host).is_some()).map(|(_, server)| *server)
        })
    }

    fn by_suffix(&self, host: &[u8]) -> Option<&usize> {
        if self.suffix.is_empty() {
            return None;
        }
        let dots = host.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'.');
        dots.filter_map(|(at, _)| self.suffix.get(host.get(at..)?)).next()
    }

    fn by_prefix(&self, host: &[u8]) -> Option<&usize> {
        if self.prefix.is_empty() {
            return None;
        }
        let dots = host.iter().enumerate().rev().filter(|(at, byte)| **byte == b'.' && *at + 1 < host.len());
        dots.filter_map(|(at, _)| self.prefix.get(host.get(..=at)?)).next()
    }

    /// A name as `$server_name` shows it.
    pub fn shown(name: Option<&ServerName>) -> Vec<u8> {
        match name {
            None => Vec::new(),
            Some(ServerName::Exact(name)) => name.clone().into_bytes(),
            Some(ServerName::Suffix(suffix)) => format!("*{suffix}").into_bytes(),
            Some(ServerName::Dot(name)) => name.trim_start_matches('.').as_bytes().to_vec(),
            Some(ServerName::Prefix(prefix)) => format!("{prefix}*").into_bytes(),
            Some(ServerName::Regex(regex)) => format!("~{}", regex.pattern).into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_wildcard_wins() {
        let mut names = Names { default: 9, ..Names::default() };
        let mut regexes = Regexes::default();
        for (name, server) in [
            (ServerName::Exact("a.example.com".into()), 0),
            (ServerName::Suffix(".example.com".into()), 1),
            (ServerName::Suffix(".b.example.com".into()), 2),
            (ServerName::Prefix("www.".into()), 3),
            (ServerName::Dot(".dot.com".into()), 4),
        ] {
            names.add(&name, server, &mut regexes).expect("no pattern");
        }
        let found = |host: &[u8]| names.find(host).0;
        assert_eq!(found(b"a.example.com"), 0);
        assert_eq!(found(b"x.example.com"), 1);
        assert_eq!(found(b"x.b.example.com"), 2);
        assert_eq!(found(b"www.else.org"), 3);
        assert_eq!(found(b"dot.com"), 4);
        assert_eq!(found(b"x.dot.com"), 4);
        assert_eq!(found(b"example.com"), 9);
        assert_eq!(found(b""), 9);
    }
}
