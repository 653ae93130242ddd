//! Strings of commands: variables put in, conditions taken apart, values encoded. Pure.

use crate::proxy::http::html;
use crate::proxy::http::uri::{Escape, escape};

/// A string refers to a variable in a way that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadVariable;

/// Puts variables in: `$name`, `${name}`; a backslash takes away the meaning of `$`, quotes and itself.
///
/// # Errors
/// [`BadVariable`]
pub fn expand(text: &[u8], variable: impl Fn(&str) -> Option<Vec<u8>>) -> Result<Vec<u8>, BadVariable> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.split_first()) {
            (b'\\', Some((&next, after))) => {
                if !matches!(next, b'\\' | b'\'' | b'"' | b'$') {
                    out.push(b'\\');
                }
                out.push(next);
                rest = after;
            }
            (b'\\', None) => {}
            (b'$', _) => {
                let (name, after) = name(after)?;
                out.extend(variable(&name).unwrap_or_default());
                rest = after;
            }
            (byte, _) => out.push(byte),
        }
    }
    Ok(out)
}

/// The name behind a `$`, lower case, and what follows it.
fn name(text: &[u8]) -> Result<(String, &[u8]), BadVariable> {
    let braced = text.strip_prefix(b"{");
    let body = braced.unwrap_or(text);
    let len = body.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let (name, rest) = body.split_at_checked(len).filter(|_| len > 0).ok_or(BadVariable)?;
    let rest = if braced.is_some() { rest.strip_prefix(b"}").ok_or(BadVariable)? } else { rest };
    Ok((String::from_utf8_lossy(name).to_ascii_lowercase(), rest))
}

/// What `if` asks.
#[derive(Debug, PartialEq, Eq)]
pub enum Test<'a> {
    /// Not empty.
    There(&'a [u8]),
    /// Left side, right side, negated.
    Equal(&'a [u8], &'a [u8], bool),
    /// Left side, pattern, negated.
    Matches(&'a [u8], &'a [u8], bool),
}

/// Takes a condition apart; none where it cannot be one.
pub fn test(expr: &[u8]) -> Option<Test<'_>> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"${}_\"'".contains(byte);
    let len = expr.iter().take_while(|byte| plain(byte)).count();
    let (left, rest) = expr.split_at_checked(len)?;
    let rest = rest.trim_ascii_start();
    if rest.is_empty() {
        return Some(Test::There(left));
    }
    let (right, negated) = match (rest.strip_prefix(b"="), rest.strip_prefix(b"!=")) {
        (Some(right), _) => (right, false),
        (None, Some(right)) => (right, true),
        (None, None) => return None,
    };
    let right = right.trim_ascii_start();
    match right.strip_prefix(b"/") {
        None => Some(Test::Equal(left, right, negated)),
        Some(pattern) => pattern.strip_suffix(b"/").map(|pattern| Test::Matches(left, pattern, negated)),
    }
}

/// How `echo` writes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    None,
    /// `%XX`
    Url,
    /// `&lt;` and its like.
    Entity,
}

impl Encoding {
    /// By its name.
    pub fn of(name: &[u8]) -> Option<Encoding> {
        match name {
            b"none" => Some(Encoding::None),
            b"url" => Some(Encoding::Url),
            b"entity" => Some(Encoding::Entity),
            _ => None,
        }
    }

    /// Encodes a value.
    pub fn encode(self, value: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(value.len());
        match self {
            Encoding::None => out.extend_from_slice(value),
            Encoding::Url => escape(value, Escape::Uri, &mut out),
            Encoding::Entity => return html::escape(value),
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables() {
        let values = |name: &str| (name == "a_1").then(|| b"VALUE".to_vec());
        for (text, expected) in [
            ("x$a_1.y", Ok("xVALUE.y")),
            ("${A_1}y", Ok("VALUEy")),
            ("$none|", Ok("|")),
            ("\\$a_1 \\\" \\\\ \\n", Ok("$a_1 \" \\ \\n")),
            ("$", Err(BadVariable)),
            ("${a_1", Err(BadVariable)),
        ] {
            let got = expand(text.as_bytes(), values);
            assert_eq!(got, expected.map(|text| text.as_bytes().to_vec()), "{text}");
        }
    }

    #[test]
    fn conditions() {
        assert_eq!(test(b"$a"), Some(Test::There(b"$a")));
        assert_eq!(test(b"$a = b c"), Some(Test::Equal(b"$a", b"b c", false)));
        assert_eq!(test(b"a!=$b"), Some(Test::Equal(b"a", b"$b", true)));
        assert_eq!(test(b"$a = /b.c/"), Some(Test::Matches(b"$a", b"b.c", false)));
        assert_eq!(test(b"$a = /b"), None);
        assert_eq!(test(b"$a < b"), None);
        assert_eq!(test(b""), Some(Test::There(b"")));
    }

    #[test]
    fn encodings() {
        assert_eq!(Encoding::Entity.encode(b"<a&\">"), b"&lt;a&amp;&quot;&gt;");
        assert_eq!(Encoding::Url.encode(b"<a>"), b"%3Ca%3E");
    }
}
