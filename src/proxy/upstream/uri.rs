//! The URI sent to a backend. Pure.

/// What a request's URI is made of.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// As the client wrote it, arguments included; none when it was rewritten since.
    pub raw: Option<&'a [u8]>,
    /// The path as it counts now, decoded.
    pub path: &'a [u8],
    /// The arguments.
    pub args: &'a [u8],
    /// Whether the path may hold what must be escaped: the client's had escapes, or it was rewritten.
    pub escaped: bool,
    /// Whether the request is still in the location whose prefix it was matched by.
    pub in_location: bool,
}

/// Appends the URI. `written` is the URI part of `proxy_pass`, which stands for `replaced`, the location's prefix.
pub fn compose(asked: Asked<'_>, written: Option<&[u8]>, replaced: &[u8], out: &mut Vec<u8>) {
    let path = match (written, asked.raw) {
        (None, Some(raw)) => return out.extend_from_slice(raw),
        (Some(written), _) if asked.in_location => {
            out.extend_from_slice(written);
            asked.path.get(replaced.len().min(asked.path.len())..).unwrap_or_default()
        }
        _ => asked.path,
    };
    if asked.escaped {
        escape(path, out);
    } else {
        out.extend_from_slice(path);
    }
    if !asked.args.is_empty() {
        out.push(b'?');
        out.extend_from_slice(asked.args);
    }
}

/// Appends a path with `%XX` for what may not stand in a URI, and for `?`, `#`, `%`.
pub fn escape(path: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in path {
        if must_escape(byte) {
            out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        } else {
            out.push(byte);
        }
    }
}

fn must_escape(byte: u8) -> bool {
    !(0x21..0x7f).contains(&byte) || b"\"#%?<>\\^`{|}".contains(&byte)
}

/// Decodes every valid `%XX`.
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|&byte| char::from(byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let escaped = digit(at + 1).zip(digit(at + 2)).filter(|_| byte == b'%');
        match escaped {
            Some((high, low)) => out.push((high * 16 + low) as u8),
            None => out.push(byte),
        }
        at += if escaped.is_some() { 3 } else { 1 };
    }
    out
}

/// Whether a path stays within the site: no zero byte, no segment `..`.
pub fn is_safe(path: &[u8]) -> bool {
    !path.is_empty() && !path.contains(&0) && !path.split(|&byte| byte == b'/').any(|segment| segment == b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(asked: Asked<'_>, written: Option<&str>, replaced: &str) -> String {
        let mut out = Vec::new();
        compose(asked, written.map(str::as_bytes), replaced.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    const PLAIN: Asked<'_> =
        Asked { raw: Some(b"/a/%20b?x=1"), path: b"/a/ b", args: b"x=1", escaped: true, in_location: true };

    #[test]
    fn passed_as_it_came() {
        assert_eq!(uri(PLAIN, None, ""), "/a/%20b?x=1");
    }

    #[test]
    fn the_prefix_is_replaced() {
        assert_eq!(uri(PLAIN, Some("/z/"), "/a/"), "/z/%20b?x=1");
        assert_eq!(uri(PLAIN, Some("/"), "/a/"), "/%20b?x=1");
        assert_eq!(uri(Asked { args: b"", ..PLAIN }, Some("/z"), "/a/ b and more"), "/z");
    }

    #[test]
    fn rewritten() {
        let rewritten = Asked { raw: None, path: b"/n%?\xff", args: b"", ..PLAIN };
        assert_eq!(uri(rewritten, None, "/a/"), "/n%25%3F%FF");
        assert_eq!(uri(Asked { in_location: false, ..rewritten }, Some("/z/"), "/a/"), "/n%25%3F%FF");
    }
}
