//! Heads and trailers of answers as header blocks. Pure.

use super::hpack::encode;
use crate::proxy::http::fields::Fields;

/// A head of HTTP/1 as a block: what concerns only a connection of HTTP/1 is left out.
pub fn head(text: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(text.len());
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let status = lines.next().and_then(|line| line.get(9..12)).unwrap_or(b"500");
    encode(&mut block, b":status", status);
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = value.get(2..).unwrap_or_default();
        put(&mut block, name, value);
    }
    block
}

/// Trailers as a block.
pub fn trailers(fields: &Fields) -> Vec<u8> {
    let mut block = Vec::new();
    fields.iter().for_each(|(name, value)| put(&mut block, name, value));
    block
}

fn put(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let name = name.to_ascii_lowercase();
    let of_connection = [&b"connection"[..], b"keep-alive", b"transfer-encoding", b"upgrade", b"proxy-connection"];
    if !of_connection.contains(&name.as_slice()) {
        encode(block, &name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::super::hpack::{Decoder, Most};
    use super::*;

    const MOST: Most = Most { one: 8192, all: 65_536 };

    #[test]
    fn lines_become_fields() {
        let text = b"HTTP/1.1 404 Not Found\r\nServer: nginx\r\nConnection: close\r\nX-A: b: c\r\nX-Empty: \r\n\r\n";
        let fields = Decoder::default().decode(&head(text), MOST).unwrap();
        let wanted: [(&[u8], &[u8]); 4] =
            [(b":status", b"404"), (b"server", b"nginx"), (b"x-a", b"b: c"), (b"x-empty", b"")];
        assert_eq!(fields, wanted.map(|(name, value)| (name.to_vec(), value.to_vec())));
    }
}
