//! Names of what is cached: a key becomes the name of a file as in nginx, so that scripts that purge by it go on
//! working. Pure.

use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use crate::proxy::http::fields::Fields;

/// The MD5 sum of a key, or of a key and what distinguishes a variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(pub [u8; 16]);

impl Hash {
    /// Of a key.
    pub fn of(key: &[u8]) -> Hash {
        Hash(Md5::digest(key).into())
    }

    /// Of the variant of an answer that a request with these fields gets, where the answer names them in `Vary`.
    pub fn variant(self, vary: &[u8], request: &Fields) -> Hash {
        let mut sum = Md5::new();
        sum.update(self.0);
        for name in words(vary) {
            sum.update(name.to_ascii_lowercase());
            sum.update(b":");
            // Empty words and space around them mean nothing.
            let values = request.all(name).flat_map(words);
            for (at, word) in values.enumerate() {
                sum.update(if at > 0 { &b","[..] } else { b"" });
                sum.update(word);
            }
            sum.update(b"\r\n");
        }
        Hash(sum.finalize().into())
    }

    /// As a file is named.
    pub fn name(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Of a file's name.
    pub fn of_name(name: &str) -> Option<Hash> {
        let digits = name.len() == 32 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut hash = [0; 16];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(name.get(at * 2..at * 2 + 2)?, 16).ok()?;
        }
        digits.then_some(Hash(hash))
    }

    /// The file below `root`; levels are named by digits from the name's end.
    pub fn path(self, root: &Path, levels: &[u8]) -> PathBuf {
        let name = self.name();
        let mut path = root.to_owned();
        let mut end = name.len();
        for &digits in levels {
            let start = end.saturating_sub(usize::from(digits));
            path.push(name.get(start..end).unwrap_or_default());
            end = start;
        }
        path.push(name);
        path
    }
}

/// The words of a list.
fn words(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let hash = Hash::of(b"http://127.0.0.1:8081/t.html");
        assert_eq!(hash.name().len(), 32);
        assert_eq!(Hash::of_name(&hash.name()), Some(hash));
        assert_eq!(Hash::of(b"").name(), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(Hash::of(b"").path(Path::new("/c"), &[1, 2]), Path::new("/c/e/27/d41d8cd98f00b204e9800998ecf8427e"));
        assert_eq!(Hash::of_name("d41d8cd98f00b204e9800998ecf8427e.0000000001"), None);
        assert_eq!(Hash::of_name(&"X".repeat(32)), None);
    }

    #[test]
    fn variants() {
        let request = |value: &[u8]| {
            let mut fields = Fields::default();
            fields.push(b"Accept-Encoding", value);
            fields
        };
        let of = |value: &[u8]| Hash::of(b"k").variant(b",, Accept-encoding , ,", &request(value));
        assert_eq!(of(b"foo, bar"), of(b"foo,,  ,bar , "));
        assert_ne!(of(b"foo, bar"), of(b"foobar"));
        assert_ne!(of(b"gzip"), of(b"deflate"));
        assert_eq!(Hash::of(b"k").variant(b"Other", &request(b"x")), Hash::of(b"k").variant(b"Other", &request(b"y")));
    }
}
