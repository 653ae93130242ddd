//! Host names of requests (RFC 3986 3.2.2), as strict as nginx since 1.29.4.

use super::scan;

/// A host that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHost;

/// Reads `host[:port]`: puts the host into `host`, in lower case and without a trailing dot, and returns the port if it
/// is not empty.
///
/// # Errors
/// [`BadHost`]
pub fn parse(text: &[u8], host: &mut Vec<u8>) -> Result<Option<u16>, BadHost> {
    let literal = text.first() == Some(&b'[');
    let end = if literal {
        text.iter().position(|byte| *byte == b']').ok_or(BadHost)? + 1
    } else {
        scan::either(text, b':', b':')
    };
    let (name, rest) = text.split_at(end);
    let port = match rest.split_first() {
        None => None,
        Some((b':', digits)) => parse_port(digits)?,
        Some(_) => return Err(BadHost),
    };
    let inner = if literal { name.get(1..name.len() - 1).unwrap_or_default() } else { name };
    let odd = if literal { b':' } else { b'%' };
    let (mut dot, mut good) = (false, true);
    for &byte in inner {
        let another = byte == b'.';
        good &= (is_plain(byte) | (byte == odd)) & !(dot & another);
        dot = another;
    }
    if !good {
        return Err(BadHost);
    }
    let name = if dot && !literal { name.get(..name.len() - 1).unwrap_or_default() } else { name };
    if name.is_empty() {
        return Err(BadHost);
    }
    host.clear();
    host.extend_from_slice(name);
    host.make_ascii_lowercase();
    Ok(port)
}

/// Whether a byte may stand in any host. Looked up, since every byte is asked about.
fn is_plain(byte: u8) -> bool {
    const PLAIN: [bool; 256] = {
        let mut plain = [false; 256];
        let mut byte = 0u8;
        while byte < 128 {
            plain[byte as usize] = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'-' | b'.'
                        | b'_'
                        | b'~'
                        | b'!'
                        | b'$'
                        | b'&'
                        | b'\''
                        | b'('
                        | b')'
                        | b'*'
                        | b'+'
                        | b','
                        | b';'
                        | b'='
                );
            byte += 1;
        }
        plain
    };
    PLAIN[usize::from(byte)]
}

fn parse_port(digits: &[u8]) -> Result<Option<u16>, BadHost> {
    if digits.is_empty() {
        return Ok(None);
    }
    let mut port = 0u16;
    for byte in digits {
        let digit = byte.is_ascii_digit().then(|| u16::from(byte - b'0')).ok_or(BadHost)?;
        port = port.checked_mul(10).and_then(|port| port.checked_add(digit)).ok_or(BadHost)?;
    }
    Ok(Some(port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let host = |text: &[u8]| {
            let mut host = Vec::new();
            parse(text, &mut host).map(|port| (String::from_utf8_lossy(&host).into_owned(), port))
        };
        assert_eq!(host(b"WWW.Abcd.org.:1234"), Ok(("www.abcd.org".into(), Some(1234))));
        assert_eq!(host(b"abcd:"), Ok(("abcd".into(), None)));
        assert_eq!(host(b"[ABcd::ef98:0:7654:321]:80"), Ok(("[abcd::ef98:0:7654:321]".into(), Some(80))));
        for bad in ["", ".", ":", "a..b", "a/b", "a\\b", "a:1:2", "a:x", "a:123456", "[::1", "[::1]x", "[::1].", "[/]"]
        {
            assert_eq!(host(bad.as_bytes()), Err(BadHost), "{bad}");
        }
    }
}
