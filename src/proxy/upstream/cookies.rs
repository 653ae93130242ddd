//! `proxy_cookie_domain`, `proxy_cookie_path`, `proxy_cookie_flags`: a backend's `Set-Cookie` as the client is to see it.

use rkeep_parsers::ir::expr::{Expr, Part};
use rkeep_parsers::nginx::Proxy;
use rkeep_parsers::table::value::CookieRewrite;

use crate::proxy::http::fields::trim;
use crate::proxy::regex::{Regex, Regexes};
use crate::proxy::request::RequestCtx;

/// What is done with cookies.
#[derive(Debug, Default)]
pub struct CookieRules {
    domains: Vec<(Pattern, Expr)>,
    paths: Vec<(Pattern, Expr)>,
    flags: Vec<(Pattern, Vec<Expr>)>,
}

#[derive(Debug)]
enum Pattern {
    Text(Expr),
    Regex(Regex),
}

/// `name=value; name; …`: the cookie itself first, then its attributes.
type Attributes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

impl CookieRules {
    /// As the directives of a level say.
    ///
    /// # Errors
    /// Of a pattern.
    pub fn compile(conf: &Proxy, regexes: &mut Regexes) -> Result<Self, String> {
        Ok(CookieRules {
            domains: domains(&conf.cookie_domain, regexes)?,
            paths: pairs(&conf.cookie_path, regexes)?,
            flags: rules(&conf.cookie_flags, regexes)?,
        })
    }

    /// A `Set-Cookie` rewritten; none when nothing changes.
    pub fn apply(&self, cx: &RequestCtx, value: &[u8]) -> Option<Vec<u8>> {
        if self.domains.is_empty() && self.paths.is_empty() && self.flags.is_empty() {
            return None;
        }
        let mut cookie = read(value);
        cookie.first()?.1.as_ref()?;
        let mut changed = false;
        for (name, value) in cookie.iter_mut().skip(1) {
            let Some(value) = value else { continue };
            let new = match () {
                () if name.eq_ignore_ascii_case(b"domain") => new_domain(cx, &self.domains, value),
                () if name.eq_ignore_ascii_case(b"path") => new_path(cx, &self.paths, value),
                () => None,
            };
            if let Some(new) = new {
                (*value, changed) = (new, true);
            }
        }
        changed |= self.edit_flags(cx, &mut cookie);
        changed.then(|| write(&cookie))
    }

    fn edit_flags(&self, cx: &RequestCtx, cookie: &mut Attributes) -> bool {
        let Some(name) = cookie.first().map(|(name, _)| name.clone()) else { return false };
        let rule = self.flags.iter().find(|(pattern, _)| match pattern {
            Pattern::Text(text) => cx.eval(text).eq_ignore_ascii_case(&name),
            Pattern::Regex(regex) => regex.run(cx, &name),
        });
        let Some((_, words)) = rule else { return false };
        words.iter().fold(false, |changed, word| edit_flag(&cx.eval(word), cookie) | changed)
    }
}

fn rules(written: &[CookieRewrite], regexes: &mut Regexes) -> Result<Vec<(Pattern, Vec<Expr>)>, String> {
    let mut rules = Vec::new();
    for rewrite in written {
        // One word alone is `off`.
        let Some((first, rest)) = rewrite.words.split_first().filter(|(_, rest)| !rest.is_empty()) else { continue };
        let pattern = match &rewrite.regex {
            Some(regex) => Pattern::Regex(regexes.compile(regex)?),
            None => Pattern::Text(first.clone()),
        };
        rules.push((pattern, rest.to_vec()));
    }
    Ok(rules)
}

fn pairs(written: &[CookieRewrite], regexes: &mut Regexes) -> Result<Vec<(Pattern, Expr)>, String> {
    let rules = rules(written, regexes)?;
    Ok(rules.into_iter().filter_map(|(pattern, mut rest)| Some((pattern, rest.pop()?))).collect())
}

/// The dot before a domain means nothing: the cookie's own stays.
fn domains(written: &[CookieRewrite], regexes: &mut Regexes) -> Result<Vec<(Pattern, Expr)>, String> {
    let mut pairs = pairs(written, regexes)?;
    for (pattern, to) in &mut pairs {
        if let Pattern::Text(from) = pattern {
            strip_dot(from);
            strip_dot(to);
        }
    }
    Ok(pairs)
}

fn strip_dot(expr: &mut Expr) {
    if let Some(Part::Text(text)) = expr.parts.first_mut()
        && let Some(bare) = text.strip_prefix(b".")
    {
        *text = bare.into();
    }
}

/// A whole domain, but for a dot before it, is replaced.
fn new_domain(cx: &RequestCtx, rules: &[(Pattern, Expr)], value: &[u8]) -> Option<Vec<u8>> {
    rules.iter().find_map(|(pattern, to)| match pattern {
        Pattern::Text(from) => {
            let bare = value.strip_prefix(b".").unwrap_or(value);
            let same = bare.eq_ignore_ascii_case(&cx.eval(from));
            same.then(|| [value.get(..value.len() - bare.len()).unwrap_or_default(), &cx.eval(to)].concat())
        }
        Pattern::Regex(regex) => regex.run(cx, value).then(|| cx.eval(to)),
    })
}

/// A path's beginning is replaced.
fn new_path(cx: &RequestCtx, rules: &[(Pattern, Expr)], value: &[u8]) -> Option<Vec<u8>> {
    rules.iter().find_map(|(pattern, to)| match pattern {
        Pattern::Text(from) => Some([&cx.eval(to), value.strip_prefix(cx.eval(from).as_slice())?].concat()),
        Pattern::Regex(regex) => regex.run(cx, value).then(|| cx.eval(to)),
    })
}

/// Sets or takes away one flag. True when the word is one.
fn edit_flag(word: &[u8], cookie: &mut Attributes) -> bool {
    let word = word.to_ascii_lowercase();
    match word.as_slice() {
        b"secure" => set(cookie, "Secure", None),
        b"httponly" => set(cookie, "HttpOnly", None),
        b"samesite=strict" => set(cookie, "SameSite", Some("Strict")),
        b"samesite=lax" => set(cookie, "SameSite", Some("Lax")),
        b"samesite=none" => set(cookie, "SameSite", Some("None")),
        b"nosecure" => unset(cookie, "Secure"),
        b"nohttponly" => unset(cookie, "HttpOnly"),
        b"nosamesite" => unset(cookie, "SameSite"),
        _ => return false,
    }
    true
}

fn set(cookie: &mut Attributes, name: &str, value: Option<&str>) {
    let value = value.map(|value| value.as_bytes().to_vec());
    let found = cookie.iter_mut().skip(1).find(|(have, _)| have.eq_ignore_ascii_case(name.as_bytes()));
    match found {
        None => cookie.push((name.into(), value)),
        Some((_, have)) if same_value(have, &value) => {}
        Some(attribute) => *attribute = (name.into(), value),
    }
}

fn same_value(have: &Option<Vec<u8>>, want: &Option<Vec<u8>>) -> bool {
    match (have, want) {
        (_, None) => true,
        (Some(have), Some(want)) => have.eq_ignore_ascii_case(want),
        (None, Some(_)) => false,
    }
}

fn unset(cookie: &mut Attributes, name: &str) {
    let mut first = true;
    cookie.retain(|(have, _)| std::mem::take(&mut first) || !have.eq_ignore_ascii_case(name.as_bytes()));
}

fn read(value: &[u8]) -> Attributes {
    value
        .split(|&byte| byte == b';')
        .map(|part| match part.iter().position(|&byte| byte == b'=') {
            Some(at) => (trim(&part[..at]).to_vec(), Some(trim(&part[at + 1..]).to_vec())),
            None => (trim(part).to_vec(), None),
        })
        .collect()
}

fn write(cookie: &Attributes) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in cookie {
        if !out.is_empty() {
            out.extend_from_slice(b"; ");
        }
        out.extend_from_slice(name);
        if let Some(value) = value {
            out.push(b'=');
            out.extend_from_slice(value);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(cookie: &str, words: &[&str]) -> String {
        let mut cookie = read(cookie.as_bytes());
        for word in words {
            edit_flag(word.as_bytes(), &mut cookie);
        }
        String::from_utf8(write(&cookie)).expect("text")
    }

    #[test]
    fn flags_are_added_in_order_and_once() {
        assert_eq!(edited("a=b", &["secure", "httponly", "samesite=lax"]), "a=b; Secure; HttpOnly; SameSite=Lax");
        assert_eq!(edited("a=b; SECURE ;samesite=lax", &["secure", "samesite=strict"]), "a=b; SECURE; SameSite=Strict");
    }

    #[test]
    fn flags_are_taken_away() {
        assert_eq!(edited("secure; Secure; x; HttpOnly", &["nosecure", "nohttponly"]), "secure; x");
    }
}
