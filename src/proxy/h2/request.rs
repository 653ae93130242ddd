//! The fields of a request as the head that HTTP/1 would have sent, so that both are checked by the same code. Pure.

use super::hpack::Field;

/// What a request that cannot be one is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bad {
    /// 400.
    Request,
    /// The stream is broken off.
    Stream,
}

/// Pseudo fields.
#[derive(Default)]
struct Pseudo<'a> {
    method: Option<&'a [u8]>,
    scheme: Option<&'a [u8]>,
    path: Option<&'a [u8]>,
    authority: Option<&'a [u8]>,
}

/// A head as HTTP/1 would have sent it.
#[derive(Debug)]
pub struct Head {
    /// Its bytes.
    pub text: Vec<u8>,
    /// How many of them are the request line.
    pub line: usize,
    /// The first field is `:authority`.
    pub authority: bool,
    /// HTTP/2 does not allow it, though it can be answered.
    pub malformed: bool,
}

impl Head {
    /// What no parser takes: it is answered by 400.
    fn refused() -> Head {
        Head { text: b"? HTTP/1.1\r\n\r\n".to_vec(), line: 1, authority: false, malformed: true }
    }
}

/// The head as text; none when the stream is to be broken off without an answer.
pub fn head(fields: &[Field]) -> Option<Head> {
    match compose(fields) {
        Ok(head) => Some(head),
        Err(Bad::Request) => Some(Head::refused()),
        Err(Bad::Stream) => None,
    }
}

fn compose(fields: &[Field]) -> Result<Head, Bad> {
    let (pseudo, rest) = split(fields)?;
    let (Some(method), Some(path), Some(_)) = (pseudo.method, pseudo.path, pseudo.scheme) else {
        return Err(Bad::Request);
    };
    if !matches!(path.first(), Some(b'/' | b'*')) && method != b"CONNECT" {
        return Err(Bad::Request);
    }
    let mut text = Vec::with_capacity(256);
    // What CONNECT would be led to; it is refused, but as what it is.
    let connect = pseudo.authority.filter(|_| method == b"CONNECT").map(|host| [host, b":443"].concat());
    let path = connect.as_deref().unwrap_or(path);
    for piece in [method, b" ", path, b" HTTP/1.1"] {
        text.extend_from_slice(piece);
    }
    let line = text.len();
    text.extend_from_slice(b"\r\n");
    if let Some(authority) = pseudo.authority {
        put(&mut text, b"host", authority);
    }
    let mut cookies: Vec<&[u8]> = Vec::new();
    let mut malformed = false;
    for (name, value) in rest {
        match name.as_slice() {
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {
                return Err(Bad::Stream);
            }
            b"te" if value != b"trailers" => return Err(Bad::Stream),
            b"cookie" => cookies.push(value),
            b"host" if pseudo.authority.is_some_and(|authority| !authority.eq_ignore_ascii_case(value)) => {
                return Err(Bad::Request);
            }
            b"host" if pseudo.authority.is_some() => {}
            b"expect" => {}
            // Names have no capitals here: such a field is dropped, as invalid ones are.
            name if name.iter().any(u8::is_ascii_uppercase) => malformed = true,
            name => put(&mut text, name, value),
        }
    }
    if !cookies.is_empty() {
        put(&mut text, b"cookie", &cookies.join(&b"; "[..]));
    }
    text.extend_from_slice(b"\r\n");
    Ok(Head { text, line, authority: pseudo.authority.is_some(), malformed })
}

fn put(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for piece in [name, b": ", value, b"\r\n"] {
        text.extend_from_slice(piece);
    }
}

/// Pseudo fields come first, each once.
fn split(fields: &[Field]) -> Result<(Pseudo<'_>, &[Field]), Bad> {
    let mut pseudo = Pseudo::default();
    let first = fields.iter().position(|(name, _)| name.first() != Some(&b':')).unwrap_or(fields.len());
    let (before, rest) = fields.split_at(first);
    for (name, value) in before {
        let slot = match name.as_slice() {
            b":method" => &mut pseudo.method,
            b":scheme" => &mut pseudo.scheme,
            b":path" => &mut pseudo.path,
            b":authority" => &mut pseudo.authority,
            _ => return Err(Bad::Request),
        };
        if slot.is_some() || (value.is_empty() && name != b":authority") {
            return Err(Bad::Request);
        }
        *slot = Some(value);
    }
    // What would end a line in HTTP/1 must not come in by HTTP/2.
    let ends_line = |bytes: &[u8]| bytes.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    let late = rest.iter().any(|(name, _)| name.is_empty() || name.contains(&b':'));
    if late || fields.iter().any(|(name, value)| ends_line(name) || ends_line(value)) {
        return Err(Bad::Request);
    }
    if before.iter().any(|(_, value)| value.contains(&b' ')) {
        return Err(Bad::Request);
    }
    Ok((pseudo, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(all: &[(&str, &str)]) -> Vec<Field> {
        all.iter().map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).collect()
    }

    const GET: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "http"), (":path", "/a?b"), (":authority", "h")];

    #[test]
    fn a_head_of_http1() {
        let more = [("cookie", "a=1"), ("x-y", "z"), ("cookie", "b=2"), ("host", "h")];
        let Head { text, line, authority, malformed } = head(&fields(&[&GET[..], &more].concat())).unwrap();
        assert!(authority && !malformed);
        assert_eq!(&text[..line], b"GET /a?b HTTP/1.1");
        assert_eq!(&text[line..], b"\r\nhost: h\r\nx-y: z\r\ncookie: a=1; b=2\r\n\r\n");
    }

    #[test]
    fn nothing_is_smuggled() {
        let with = |more: (&str, &str)| compose(&fields(&[&GET[..], &[more]].concat())).err();
        assert_eq!(with(("x", "a\r\nhost: b")), Some(Bad::Request));
        assert_eq!(with(("x: y\r\nz", "a")), Some(Bad::Request));
        assert_eq!(with(("transfer-encoding", "chunked")), Some(Bad::Stream));
        assert_eq!(with((":path", "/")), Some(Bad::Request));
        assert_eq!(compose(&fields(&GET[1..])).err(), Some(Bad::Request));
        let mut split = GET;
        split[2].1 = "/ HTTP/1.1\r\nx: y";
        assert_eq!(compose(&fields(&split)).err(), Some(Bad::Request));
    }
}
