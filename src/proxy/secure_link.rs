//! `secure_link`: links whose hash only who knows a secret can make. Pure but for the variables.

use md5::{Digest, Md5};

use super::http::{base64, date};
use super::request::RequestCtx;

/// A hash that came with a request, and until when it is valid.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    hash: Vec<u8>,
    expires: Option<(Vec<u8>, i64)>,
}

impl RequestCtx {
    /// `$secure_link`
    pub fn secure_link(&self, out: &mut Vec<u8>) -> bool {
        let conf = &self.conf().secure_link;
        if let Some(secret) = &conf.secret {
            return match link_of(&self.head.raw_uri, secret.as_bytes()) {
                Some(link) => {
                    out.extend_from_slice(link);
                    true
                }
                None => false,
            };
        }
        let (Some(told), Some(md5)) = (&conf.link, &conf.md5) else { return false };
        let Some(told) = told_by(&self.eval(told)) else { return false };
        if !same(&told.hash, &Md5::digest(self.eval(md5))) {
            return false;
        }
        let late = told.expires.is_some_and(|(_, until)| until < date::now());
        out.push(if late { b'0' } else { b'1' });
        true
    }

    /// `$secure_link_expires`
    pub fn secure_link_expires(&self, out: &mut Vec<u8>) -> bool {
        let told = self.conf().secure_link.link.as_ref().map(|link| self.eval(link));
        let expires = told.and_then(|told| expires_of(&told).1);
        match expires {
            Some((text, _)) => {
                out.extend_from_slice(&text);
                true
            }
            None => false,
        }
    }
}

/// What stands before the comma, and the time behind it.
fn expires_of(value: &[u8]) -> (&[u8], Option<(Vec<u8>, i64)>) {
    let Some(comma) = value.iter().position(|byte| *byte == b',') else { return (value, None) };
    let (hash, text) = (value.get(..comma).unwrap_or_default(), value.get(comma + 1..).unwrap_or_default());
    let time = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let time = time.and_then(|text| text.parse::<i64>().ok()).filter(|time| *time > 0);
    (hash, time.map(|time| (text.to_vec(), time)))
}

fn told_by(value: &[u8]) -> Option<Told> {
    let (hash, expires) = expires_of(value);
    if expires.is_none() && value.contains(&b',') {
        return None;
    }
    let standard = |byte: &u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => *other,
    };
    let hash: Vec<u8> = hash.iter().map(standard).collect();
    let hash = base64::decode(&hash).filter(|bytes| hash.len() <= 24 && bytes.len() == 16)?;
    Some(Told { hash, expires })
}

/// What follows `/prefix/hash/` in a path, where the hash is that of it and the secret.
fn link_of<'u>(uri: &'u [u8], secret: &[u8]) -> Option<&'u [u8]> {
    let rest = uri.get(1..)?;
    let (_, rest) = split(rest)?;
    let (hash, link) = split(rest)?;
    if hash.len() != 32 || link.is_empty() {
        return None;
    }
    let digits = std::str::from_utf8(hash).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let told =
        (0..16).map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()).collect::<Option<Vec<_>>>()?;
    let mut made = Md5::new();
    made.update(link);
    made.update(secret);
    same(&told, &made.finalize()).then_some(link)
}

fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = text.iter().position(|byte| *byte == b'/')?;
    Some((text.get(..slash)?, text.get(slash + 1..)?))
}

/// Compares without telling by its time where two hashes differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_carry_their_hash() {
        let hash: String = Md5::digest(b"test.htmlsecret").iter().map(|byte| format!("{byte:02x}")).collect();
        let uri = format!("/p/{hash}/test.html");
        assert_eq!(link_of(uri.as_bytes(), b"secret"), Some(&b"test.html"[..]));
        assert_eq!(link_of(uri.as_bytes(), b"other"), None);
        assert_eq!(link_of(b"/p/0/test.html", b"secret"), None);
    }

    #[test]
    fn times_follow_a_comma() {
        let told = told_by(b"X03MO1qnZdYdgyfeuILPmQ,2147483647").expect("a hash");
        assert_eq!((told.hash.len(), told.expires.map(|it| it.1)), (16, Some(2_147_483_647)));
        assert_eq!(told_by(b"X03MO1qnZdYdgyfeuILPmQ,no"), None);
        assert_eq!(told_by(b"short"), None);
    }
}
