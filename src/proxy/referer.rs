//! `valid_referers`: whether a request comes from where the location expects it.

use rkeep_parsers::ir::http::ServerName;
use rkeep_parsers::table::value;

use super::names::Names;
use super::regex::{Regex, Regexes};
use super::request::RequestCtx;

/// The referers of a location.
#[derive(Debug)]
pub struct Referers {
    conf: value::Referers,
    names: Names,
    patterns: Vec<Regex>,
}

/// The shortest referer that names a host: `http://i.ru`.
const SHORTEST: usize = 11;
/// The longest host name that is looked at.
const LONGEST: usize = 256;

impl Referers {
    /// Compiles what a location says; none where it says nothing.
    ///
    /// # Errors
    /// Of a pattern.
    pub fn compile(conf: &value::Referers, regexes: &mut Regexes) -> Result<Option<Box<Referers>>, String> {
        if !conf.written {
            return Ok(None);
        }
        let names = conf.names.iter().enumerate().map(|(at, (name, _))| (server_name(name), at));
        let names = Names::of(usize::MAX, names, regexes)?;
        let patterns = conf.patterns.iter().map(|pattern| regexes.compile(pattern)).collect::<Result<_, _>>()?;
        Ok(Some(Box::new(Referers { conf: conf.clone(), names, patterns })))
    }

    /// Whether a referer is one of them; `own` are the names of the server.
    fn accept(&self, referer: Option<&[u8]>, own: &Names) -> bool {
        let Some(referer) = referer else { return self.conf.none };
        let Some(rest) = behind_scheme(referer).filter(|_| referer.len() >= SHORTEST) else { return self.conf.blocked };
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b':')).unwrap_or(rest.len());
        let (host, after) = rest.split_at(end);
        if end > LONGEST {
            return false;
        }
        let host = host.to_ascii_lowercase();
        if self.conf.server_names && own.find(&host).0 != usize::MAX {
            return true;
        }
        if let Some((_, path)) = self.conf.names.get(self.names.find(&host).0) {
            let from = after.iter().position(|byte| *byte == b'/').unwrap_or(after.len());
            return path.is_empty() || after.get(from..).unwrap_or_default().starts_with(path.as_bytes());
        }
        self.patterns.iter().any(|pattern| pattern.is_match(rest))
    }
}

/// What stands behind `http://` or `https://`.
fn behind_scheme(referer: &[u8]) -> Option<&[u8]> {
    let without = |scheme: &[u8]| {
        let (head, rest) = referer.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    without(b"http://").or_else(|| without(b"https://"))
}

fn server_name(name: &str) -> ServerName {
    match (name.strip_prefix('*'), name.strip_suffix('*')) {
        (Some(suffix), _) => ServerName::Suffix(suffix.to_owned()),
        (None, Some(prefix)) => ServerName::Prefix(prefix.to_owned()),
        (None, None) if name.starts_with('.') => ServerName::Dot(name.to_owned()),
        (None, None) => ServerName::Exact(name.to_owned()),
    }
}

impl RequestCtx {
    /// Whether the request comes from elsewhere than the location expects (`$invalid_referer`).
    pub fn has_invalid_referer(&self) -> bool {
        let referers = self.location.referers.as_ref();
        let referer = self.head.fields.get(b"Referer");
        referers.is_some_and(|referers| !referers.accept(referer, &self.server.own_names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn referers(change: impl FnOnce(&mut value::Referers)) -> Referers {
        let mut conf = value::Referers { written: true, ..value::Referers::default() };
        change(&mut conf);
        *Referers::compile(&conf, &mut Regexes::default()).expect("valid").expect("written")
    }

    #[test]
    fn names_and_paths() {
        let one = referers(|conf| {
            conf.names = vec![("www.example.org".into(), "/uri".into()), ("*.example.com".into(), String::new())];
        });
        let valid = |referer: &str| one.accept(Some(referer.as_bytes()), &Names::default());
        assert!(valid("http://www.example.org/uri/more") && valid("https://WWW.example.org:80/uri"));
        assert!(!valid("http://www.example.org/other") && !valid("http://www.example.org"));
        assert!(valid("http://a.example.com/x") && !valid("http://example.com/"));
        assert!(!valid("www.example.org/uri") && !one.accept(None, &Names::default()));
        assert!(!valid(&format!("http://{}/", "a".repeat(300))));
    }

    #[test]
    fn none_and_blocked() {
        let both = referers(|conf| (conf.none, conf.blocked) = (true, true));
        let own = Names::default();
        assert!(both.accept(None, &own) && both.accept(Some(b"x"), &own) && both.accept(Some(b""), &own));
        assert!(both.accept(Some(b"http://su"), &own), "too short to name a host");
        assert!(!both.accept(Some(b"http://www.example.org"), &own));
    }
}
