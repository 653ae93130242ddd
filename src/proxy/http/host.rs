//! Host names of requests (RFC 3986 3.2.2), as strict as nginx since 1.29.4.

/// A host that cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHost;

/// Reads `host[:port]`: the host in lower case without a trailing dot, and the port if it is not empty.
///
/// # Errors
/// [`BadHost`]
pub fn parse(text: &[u8]) -> Result<(Vec<u8>, Option<u16>), BadHost> {
    let end = if text.first() == Some(&b'[') {
        text.iter().position(|byte| *byte == b']').ok_or(BadHost)? + 1
    } else {
        text.iter().position(|byte| *byte == b':').unwrap_or(text.len())
    };
    let (host, rest) = text.split_at(end);
    let port = match rest.split_first() {
        None => None,
        Some((b':', digits)) => parse_port(digits)?,
        Some(_) => return Err(BadHost),
    };
    let literal = host.first() == Some(&b'[');
    let inner = if literal { host.get(1..host.len() - 1).unwrap_or_default() } else { host };
    let valid = |byte: &u8| {
        byte.is_ascii_alphanumeric()
            || b"-._~!$&'()*+,;=".contains(byte)
            || if literal { *byte == b':' } else { *byte == b'%' }
    };
    if !inner.iter().all(valid) || inner.windows(2).any(|pair| pair == b"..") {
        return Err(BadHost);
    }
    let host = if literal { host } else { host.strip_suffix(b".").unwrap_or(host) };
    if host.is_empty() {
        return Err(BadHost);
    }
    Ok((host.to_ascii_lowercase(), port))
}

fn parse_port(digits: &[u8]) -> Result<Option<u16>, BadHost> {
    if digits.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(digits).map_err(|_| BadHost)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(BadHost);
    }
    text.parse().map(Some).map_err(|_| BadHost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let host = |text: &[u8]| parse(text).map(|(host, port)| (String::from_utf8_lossy(&host).into_owned(), port));
        assert_eq!(host(b"WWW.Abcd.org.:1234"), Ok(("www.abcd.org".into(), Some(1234))));
        assert_eq!(host(b"abcd:"), Ok(("abcd".into(), None)));
        assert_eq!(host(b"[ABcd::ef98:0:7654:321]:80"), Ok(("[abcd::ef98:0:7654:321]".into(), Some(80))));
        for bad in ["", ".", ":", "a..b", "a/b", "a\\b", "a:1:2", "a:x", "a:123456", "[::1", "[::1]x", "[::1].", "[/]"]
        {
            assert_eq!(parse(bad.as_bytes()), Err(BadHost), "{bad}");
        }
    }
}
