//! HTTP/2 beside HTTP/1: the request's head as fields, the answer's fields as a head. The rest of a request's way is the
//! same.

use rkeep_parsers::table::value::Level;

use super::backend::{Backend, Client};
use super::hints;
use super::receive::{Failed, Form, Received, interrupted, read};
use super::trouble::Trouble;
use crate::proxy::h2::BackendStream;
use crate::proxy::h2::hpack::{Field, encode};
use crate::proxy::h2::machine::Ended;
use crate::proxy::io::Stream;
use crate::proxy::request::RequestCtx;

/// Speaks HTTP/2 on a connection that has just been made.
pub fn begin(cx: &RequestCtx, backend: Backend) -> Box<Backend> {
    let Backend { stream, address, since, requests, cached } = backend;
    let most = usize::try_from(cx.conf().proxy.buffer_size.0).unwrap_or(usize::MAX).saturating_mul(4);
    let stream = Stream::Http2(Box::new(BackendStream::new(stream, most.max(16 * 1024))));
    Box::new(Backend { stream, address, since, requests, cached })
}

/// A head of HTTP/1 as a header block.
pub fn block(text: &[u8], https: bool) -> Vec<u8> {
    let mut block = Vec::with_capacity(text.len());
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut words = lines.next().unwrap_or_default().splitn(2, |byte| *byte == b' ');
    let (method, rest) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let uri = rest.iter().rposition(|byte| *byte == b' ').and_then(|end| rest.get(..end)).unwrap_or(rest);
    encode(&mut block, b":method", method);
    encode(&mut block, b":scheme", if https { b"https" } else { b"http" });
    encode(&mut block, b":path", uri);
    let fields = lines.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at(colon);
        Some((name.to_ascii_lowercase(), value.get(1..).unwrap_or_default().trim_ascii()))
    });
    let mut authority = false;
    for (name, value) in fields {
        match name.as_slice() {
            b"host" if !std::mem::replace(&mut authority, true) => encode(&mut block, b":authority", value),
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => {}
            b"te" if value != b"trailers" => {}
            name => encode(&mut block, name, value),
        }
    }
    block
}

/// Reads until the head of the answer is there.
///
/// # Errors
/// [`Failed`]; the log says why.
pub async fn receive(
    cx: &mut RequestCtx,
    backend: &Backend,
    h2: &BackendStream,
    watch: Client,
) -> Result<Received, Failed> {
    cx.action = " while reading response header from upstream";
    let patience = cx.conf().proxy.read_timeout.duration();
    let wants_hints = hints::wanted(cx);
    h2.await_hints();
    loop {
        for fields in h2.take_hints() {
            if let (true, Ok(text)) = (wants_hints, text(&fields, true)) {
                hints::pass(cx, &text, 0).await;
            }
        }
        if let Some(fields) = h2.take_head() {
            if let Some(record) = cx.upstream.last_mut() {
                record.bytes_received += h2.came();
            }
            return head(cx, &fields, h2.has_ended());
        }
        if let Some(why) = h2.ended() {
            tell(cx, why);
            return Err(Failed::Try(if why == Ended::Closed { Trouble::Error } else { Trouble::InvalidHeader }));
        }
        backend.readable(&cx.conn, patience, watch).await.map_err(|why| interrupted(cx, why))?;
    }
}

/// Tells the log why nothing more comes.
pub fn tell(cx: &RequestCtx, why: Ended) {
    match why {
        Ended::Closed => cx.error(Level::Error, format_args!("upstream prematurely closed connection")),
        Ended::Rejected(code) => {
            cx.error(Level::Error, format_args!("upstream rejected request with error {code}"));
        }
        Ended::SentAway(code) => cx.error(Level::Error, format_args!("upstream sent goaway with error {code}")),
        Ended::Faulty(code) => {
            cx.error(Level::Error, format_args!("upstream sent invalid http2 frame: {code:?}"));
        }
    }
}

/// The fields of an answer as a head, `ended`: it has no body.
fn head(cx: &mut RequestCtx, fields: &[Field], ended: bool) -> Result<Received, Failed> {
    let text = match text(fields, false) {
        Ok(text) => text,
        Err(why) => {
            cx.error(Level::Error, format_args!("upstream sent {why}"));
            return Err(Failed::Try(Trouble::InvalidHeader));
        }
    };
    let Some((mut received, _)) = read(cx, &text)? else {
        cx.error(Level::Error, format_args!("upstream sent invalid header"));
        return Err(Failed::Try(Trouble::InvalidHeader));
    };
    received.status_line = None;
    received.form = Form::Http2 { ended };
    if ended {
        received.meaning.length.get_or_insert(0);
    }
    Ok(received)
}

/// The fields as lines, of an interim answer or of the one that counts.
///
/// # Errors
/// What is wrong with them.
fn text(fields: &[Field], interim: bool) -> Result<Vec<u8>, String> {
    let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let mut text = b"HTTP/1.1 ".to_vec();
    let mut fields = fields.iter();
    match fields.next() {
        Some((name, status)) if name == b":status" => match status.as_slice() {
            [b'2'..=b'9', b'0'..=b'9', b'0'..=b'9'] => text.extend_from_slice(status),
            b"103" if interim => text.extend_from_slice(status),
            [b'1', _, _] => return Err(format!("unexpected :status \"{}\"", shown(status))),
            _ => return Err(format!("invalid :status \"{}\"", shown(status))),
        },
        _ => return Err("no :status header".to_owned()),
    }
    text.extend_from_slice(b" \r\n");
    for (name, value) in fields {
        if !is_field(name, value) {
            return Err(format!("invalid header: \"{}: {}\"", shown(name), shown(value)));
        }
        let of_connection = [&b"connection"[..], b"keep-alive", b"transfer-encoding", b"upgrade", b"proxy-connection"];
        if of_connection.contains(&name.as_slice()) {
            continue;
        }
        for piece in [name.as_slice(), b": ", value, b"\r\n"] {
            text.extend_from_slice(piece);
        }
    }
    text.extend_from_slice(b"\r\n");
    Ok(text)
}

/// Whether a field is one and can be a line.
pub fn is_field(name: &[u8], value: &[u8]) -> bool {
    let of_name = |byte: &u8| *byte > b' ' && *byte != b':' && *byte != 0x7f && !byte.is_ascii_uppercase();
    !name.is_empty() && name.iter().all(of_name) && !value.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Most = Most { one: 8192, all: 65_536 };
    use crate::proxy::h2::hpack::{Decoder, Most};

    #[test]
    fn a_head_becomes_fields() {
        let text = b"POST /a?b HTTP/1.1\r\nHost: h\r\nX-Y:  z \r\nConnection: close\r\nTE: trailers\r\nHost: i\r\n\r\n";
        let fields = Decoder::default().decode(&block(text, true), MOST).unwrap();
        let shown: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}: {}", name.escape_ascii(), value.escape_ascii())).collect();
        let wanted =
            [":method: POST", ":scheme: https", ":path: /a?b", ":authority: h", "x-y: z", "te: trailers", "host: i"];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn fields_become_a_head() {
        let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let good = [field(":status", "200"), field("a", "b"), field("connection", "close")];
        assert_eq!(text(&good, false), Ok(b"HTTP/1.1 200 \r\na: b\r\n\r\n".to_vec()));
        for (name, value) in [("A", "b"), ("a b", "c"), ("a:b", "c"), ("", "c"), ("a", "b\r\nc: d"), (":status", "200")]
        {
            assert!(text(&[field(":status", "200"), field(name, value)], false).is_err(), "{name}: {value}");
        }
        for status in ["101", "20", "2000", "2x0"] {
            assert!(text(&[field(":status", status)], false).is_err(), "{status}");
        }
        assert!(text(&[field("a", "b"), field(":status", "200")], false).is_err());
    }
}
