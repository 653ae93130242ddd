//! Paths: decoding and resolving as nginx does, and escaping.

/// The request's target cannot be a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadUri;

/// Splits a raw target into the decoded path (dots resolved, slashes merged) and the arguments; a fragment is dropped.
///
/// # Errors
/// [`BadUri`] for a broken escape, a zero byte, or dots that lead above the root.
pub fn normalise(raw: &[u8], merge_slashes: bool, uri: &mut Vec<u8>, args: &mut Vec<u8>) -> Result<(), BadUri> {
    uri.clear();
    args.clear();
    if raw.first() != Some(&b'/') {
        uri.push(b'/');
    }
    let mut at = 0;
    loop {
        let rest = raw.get(at..).unwrap_or_default();
        let plain = rest.iter().position(|byte| matches!(byte, b'/' | b'%' | b'?' | b'#')).unwrap_or(rest.len());
        let (plain, rest) = rest.split_at(plain);
        uri.extend_from_slice(plain);
        let Some(&byte) = rest.first() else { break };
        at += plain.len() + 1;
        let (byte, literal) = match byte {
            b'?' => {
                args.extend_from_slice(raw.get(at..).unwrap_or_default());
                if let Some(hash) = args.iter().position(|byte| *byte == b'#') {
                    args.truncate(hash);
                }
                break;
            }
            b'#' => break,
            b'%' => {
                let byte = decode_pair(raw.get(at..at + 2).unwrap_or_default()).ok_or(BadUri)?;
                at += 2;
                if byte == 0 {
                    return Err(BadUri);
                }
                // These would change the meaning of what follows: they stand for themselves and end no segment.
                (byte, matches!(byte, b'%' | b'#' | b'?'))
            }
            byte => (byte, false),
        };
        if byte == b'/' && !literal {
            close_segment(uri, merge_slashes)?;
        } else {
            uri.push(byte);
        }
    }
    resolve_last(uri)
}

/// Takes a `/`: the segment before it is resolved if it is dots, and the slash before those ends it.
fn close_segment(uri: &mut Vec<u8>, merge_slashes: bool) -> Result<(), BadUri> {
    let before = uri.len();
    resolve_last(uri)?;
    let resolved = uri.len() != before;
    if !(resolved || (merge_slashes && uri.last() == Some(&b'/'))) {
        uri.push(b'/');
    }
    Ok(())
}

/// Takes away a last segment of `.` or `..`; the slash before it stays.
fn resolve_last(uri: &mut Vec<u8>) -> Result<(), BadUri> {
    if uri.ends_with(b"/.") {
        uri.pop();
    } else if uri.ends_with(b"/..") {
        uri.truncate(uri.len() - 3);
        let slash = uri.iter().rposition(|byte| *byte == b'/').ok_or(BadUri)?;
        uri.truncate(slash + 1);
    }
    Ok(())
}

fn decode_pair(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    Some((digit(high)? * 16 + digit(low)?) as u8)
}

/// Decodes `%XX` wherever they are valid; for redirect targets and arguments.
pub fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match decode_pair(text.get(at + 1..at + 3).unwrap_or_default()).filter(|_| byte == b'%') {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// What an escaped text is for; each escapes other bytes, as nginx's tables do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// A path: space `"%#<>?\^` backtick `{|}`, controls and bytes above 126.
    Uri,
    /// A path or arguments put together from captures: these and `&+;`.
    Args,
    /// A URL within a page: quotes, blanks and what cannot be shown.
    Refresh,
    /// One component: all but letters, digits, `-._~`.
    Component,
}

fn must_escape(byte: u8, what: Escape) -> bool {
    let in_path = byte <= 0x20 || byte >= 0x7f || b"\"#%<>?\\^`{|}".contains(&byte);
    match what {
        Escape::Uri => in_path,
        Escape::Refresh => byte <= 0x20 || byte >= 0x7f || b"\"'<>\\^`{|~".contains(&byte),
        Escape::Args => in_path || b"&+;".contains(&byte),
        Escape::Component => !(byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)),
    }
}

/// Appends `text` with what must be escaped as `%XX`.
pub fn escape(text: &[u8], what: Escape, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in text {
        if must_escape(byte, what) {
            let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or(b'0');
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(byte);
        }
    }
}

/// Whether an internal target is safe: no zero byte, and no `..` segment.
pub fn is_safe(uri: &[u8]) -> bool {
    !uri.is_empty() && !uri.contains(&0) && !uri.split(|byte| *byte == b'/').any(|segment| segment == b"..")
}

/// Splits at the first `?`.
pub fn split_args(target: &[u8]) -> (&[u8], &[u8]) {
    match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (target.get(..at).unwrap_or_default(), target.get(at + 1..).unwrap_or_default()),
        None => (target, b""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(raw: &[u8], merge: bool) -> Result<(String, String), BadUri> {
        let (mut uri, mut args) = (Vec::new(), Vec::new());
        normalise(raw, merge, &mut uri, &mut args)?;
        Ok((String::from_utf8_lossy(&uri).into_owned(), String::from_utf8_lossy(&args).into_owned()))
    }

    #[test]
    fn paths() {
        for (raw, uri, args) in [
            ("/foo/bar/.", "/foo/bar/", ""),
            ("/foo/bar/./", "/foo/bar/", ""),
            ("/foo/bar/..", "/foo/", ""),
            ("/foo/bar/../x", "/foo/x", ""),
            ("/foo/.?a=b", "/foo/", "a=b"),
            ("/foo/..#frag", "/", ""),
            ("/foo#frag", "/foo", ""),
            ("/foo?args#frag", "/foo", "args"),
            ("?args", "/", "args"),
            ("/a//b", "/a/b", ""),
            ("/a%2fb%20c", "/a/b c", ""),
            ("/a%2e%2e/b", "/a../b", ""),
            ("/a/%2e%2e/b", "/b", ""),
            ("/a/...", "/a/...", ""),
            ("/%3f%23%25", "/?#%", ""),
            ("//", "/", ""),
        ] {
            assert_eq!(normal(raw.as_bytes(), true), Ok((uri.into(), args.into())), "{raw}");
        }
        assert_eq!(normal(b"/foo//../bar", false), Ok(("/foo/bar".into(), String::new())));
        assert_eq!(normal(b"/foo///../bar", false), Ok(("/foo//bar".into(), String::new())));
        for raw in [&b"/.."[..], b"/a/../..", b"/%", b"/%1", b"/%zz", b"/%00"] {
            assert_eq!(normal(raw, true), Err(BadUri), "{}", raw.escape_ascii());
        }
    }
}
