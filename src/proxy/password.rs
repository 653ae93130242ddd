//! Files of names and passwords as htpasswd(1) writes them, and whether a password is the one. Pure.

use md5::Md5;
use sha1::{Digest, Sha1};

use super::http::base64;

/// The hash that a file has for a user.
pub fn find<'f>(file: &'f [u8], user: &[u8]) -> Option<&'f [u8]> {
    let lines = file.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#"));
    let mut hashes = lines.filter_map(|line| line.strip_prefix(user)?.strip_prefix(b":"));
    hashes.next().and_then(|rest| rest.split(|byte| matches!(byte, b':' | b'\r')).next())
}

/// Whether a password fits a hash: crypt(3)'s, Apache's, `{PLAIN}`, `{SHA}`, `{SSHA}`.
pub fn fits(password: &[u8], hash: &[u8]) -> bool {
    if let Some(plain) = hash.strip_prefix(b"{PLAIN}") {
        return same(password, plain);
    }
    if let Some(digest) = hash.strip_prefix(b"{SHA}") {
        return base64::decode(digest).is_some_and(|digest| same(&sha1(password, b""), &digest));
    }
    if let Some(salted) = hash.strip_prefix(b"{SSHA}") {
        let salted = base64::decode(salted).unwrap_or_default();
        return salted.split_at_checked(20).is_some_and(|(digest, salt)| same(&sha1(password, salt), digest));
    }
    if let Some(rest) = hash.strip_prefix(b"$apr1$") {
        let salt = rest.split(|byte| *byte == b'$').next().unwrap_or_default();
        return same(apr1(password, salt).as_bytes(), hash);
    }
    std::str::from_utf8(hash).is_ok_and(|hash| pwhash::unix::verify(password, hash))
}

/// Compares in a time that tells nothing of where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
}

fn sha1(password: &[u8], salt: &[u8]) -> Vec<u8> {
    Sha1::new().chain_update(password).chain_update(salt).finalize().to_vec()
}

/// The order in which the bytes of the digest become letters, three by three.
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// Apache's variant of the MD5 password hash.
fn apr1(password: &[u8], salt: &[u8]) -> String {
    let salt = salt.get(..8).unwrap_or(salt);
    let inner = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(b"$apr1$").chain_update(salt);
    (0..password.len())
        .for_each(|at| first.update(inner.get(at % 16..).and_then(|rest| rest.get(..1)).unwrap_or_default()));
    let mut length = password.len();
    while length > 0 {
        first.update(if length & 1 == 1 { &[0] } else { password.get(..1).unwrap_or_default() });
        length >>= 1;
    }
    let mut digest = first.finalize();
    for round in 0..1000 {
        let mut next = Md5::new();
        next.update(if round % 2 == 1 { password } else { digest.as_slice() });
        next.update(if round % 3 == 0 { b"" } else { salt });
        next.update(if round % 7 == 0 { b"" } else { password });
        next.update(if round % 2 == 1 { digest.as_slice() } else { password });
        digest = next.finalize();
    }
    format!("$apr1${}${}", String::from_utf8_lossy(salt), letters(digest.as_slice()))
}

fn letters(digest: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let byte = |at: usize| digest.get(at).copied().map_or(0, u32::from);
    let mut text = String::new();
    let mut put = |mut bits: u32, count| {
        for _ in 0..count {
            text.extend(ALPHABET.get(bits as usize & 63).map(|letter| char::from(*letter)));
            bits >>= 6;
        }
    };
    for [high, middle, low] in ORDER {
        put((byte(high) << 16) | (byte(middle) << 8) | byte(low), 4);
    }
    put(byte(11), 2);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found() {
        let file = b"# a comment\nann:one:Ann\r\nbob:two\nannie:three";
        assert_eq!(find(file, b"ann"), Some(&b"one"[..]));
        assert_eq!(find(file, b"bob"), Some(&b"two"[..]));
        assert_eq!(find(file, b"annie"), Some(&b"three"[..]));
        assert_eq!(find(file, b"# a comment"), None);
        assert_eq!(find(file, b""), None);
    }

    #[test]
    fn hashes_of_all_kinds() {
        for hash in [
            "{PLAIN}password",
            "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
            "{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0",
            "$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "sa3tHJ3/KuYvI",
        ] {
            assert!(fits(b"password", hash.as_bytes()), "{hash}");
            assert!(!fits(b"passwore", hash.as_bytes()), "{hash}");
        }
        for broken in ["{SSHA}Zm9vCg==", "{SHA}_____Mm5Pz8GgiULbPgzG37mj9g=", "$apr1$", "$1$", ""] {
            assert!(!fits(b"1", broken.as_bytes()), "{broken}");
        }
    }
}
