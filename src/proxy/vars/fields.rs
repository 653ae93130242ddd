//! Variables made of header fields, cookies and arguments.

use crate::proxy::http::fields::{Fields, matches_variable};
use crate::proxy::request::RequestCtx;

impl RequestCtx {
    /// `$http_NAME`; repeated fields are joined, cookies by `; `.
    pub(super) fn request_field(&self, name: &str, out: &mut Vec<u8>) -> bool {
        let separator: &[u8] = if name == "cookie" { b"; " } else { b", " };
        join(&self.head.fields, name, separator, out)
    }
}

/// All fields of a variable's name, joined by `, `.
pub(super) fn joined(fields: &Fields, name: &str, out: &mut Vec<u8>) -> bool {
    join(fields, name, b", ", out)
}

fn join(fields: &Fields, name: &str, separator: &[u8], out: &mut Vec<u8>) -> bool {
    let mut found = false;
    for (_, value) in fields.iter().filter(|(field, _)| matches_variable(field, name.as_bytes())) {
        if found {
            out.extend_from_slice(separator);
        }
        out.extend_from_slice(value);
        found = true;
    }
    found
}

/// `$cookie_NAME`
pub fn cookie(fields: &Fields, name: &str, out: &mut Vec<u8>) -> bool {
    let value = fields.all(b"Cookie").find_map(|cookies| pair(cookies.split(|byte| *byte == b';'), name));
    super::put_some(out, value)
}

/// `$upstream_cookie_NAME`: the value that a backend sets.
pub(super) fn set_cookie(fields: &Fields, name: &str, out: &mut Vec<u8>) -> bool {
    let value = fields.all(b"Set-Cookie").find_map(|cookie| pair(cookie.split(|byte| *byte == b';').take(1), name));
    super::put_some(out, value)
}

/// The value of the first `name=value`.
fn pair<'a>(mut pairs: impl Iterator<Item = &'a [u8]>, name: &str) -> Option<&'a [u8]> {
    pairs.find_map(|pair| {
        let (have, value) = trim(pair).split_at_checked(name.len())?;
        let value = trim(value).strip_prefix(b"=")?;
        have.eq_ignore_ascii_case(name.as_bytes()).then(|| trim(value))
    })
}

/// Without spaces at either end; tabs stay.
fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] | [rest @ .., b' '] = text {
        text = rest;
    }
    text
}

/// `$arg_NAME`, as it stands.
pub(super) fn argument(args: &[u8], name: &str, out: &mut Vec<u8>) -> bool {
    let mut pairs = args.split(|byte| *byte == b'&');
    let value = pairs.find_map(|pair| {
        let (have, value) = pair.split_at_checked(name.len())?;
        value.strip_prefix(b"=").filter(|_| have.eq_ignore_ascii_case(name.as_bytes()))
    });
    super::put_some(out, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_cookies() {
        let text = |found: bool, out: &[u8]| found.then(|| String::from_utf8_lossy(out).into_owned());
        let arg = |args: &[u8], name: &str| {
            let mut out = Vec::new();
            let found = argument(args, name, &mut out);
            text(found, &out)
        };
        assert_eq!(arg(b"a=1&ab=2&b=", "ab"), Some("2".into()));
        assert_eq!(arg(b"a=1&b=", "b"), Some(String::new()));
        assert_eq!(arg(b"ab", "ab"), None);
        let mut fields = Fields::default();
        fields.push(b"Cookie", b"a=1; foo=bar, x=0; z");
        let mut out = Vec::new();
        assert!(cookie(&fields, "foo", &mut out));
        assert_eq!(out, b"bar, x=0");
        assert!(!cookie(&fields, "x", &mut out));
    }
}
