//! HTTP/2's frames as bytes. Pure.

/// What every client says first.
pub const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of a frame's head.
pub const HEAD: usize = 9;

/// Kinds of frames.
pub mod kind {
    #![allow(missing_docs, reason = "RFC 9113 names them so")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PUSH_PROMISE: u8 = 5;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Flags of frames.
pub mod flag {
    #![allow(missing_docs, reason = "RFC 9113 names them so")]
    pub const ACK: u8 = 1;
    pub const END_STREAM: u8 = 1;
    pub const END_HEADERS: u8 = 4;
    pub const PADDED: u8 = 8;
    pub const PRIORITY: u8 = 0x20;
}

/// Why a stream or a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
#[allow(missing_docs, reason = "RFC 9113 names them so")]
pub enum Code {
    NoError = 0,
    Protocol = 1,
    Internal = 2,
    FlowControl = 3,
    StreamClosed = 5,
    FrameSize = 6,
    RefusedStream = 7,
    Compression = 9,
    EnhanceYourCalm = 11,
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes that follow.
    pub len: usize,
    /// One of [`kind`].
    pub kind: u8,
    /// Of [`flag`].
    pub flags: u8,
    /// The stream; 0 is the connection.
    pub stream: u32,
}

impl Head {
    /// Reads a head.
    pub fn read(bytes: &[u8]) -> Option<Head> {
        let &[a, b, c, kind, flags, s1, s2, s3, s4] = bytes.first_chunk::<HEAD>()?;
        let len = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        Some(Head { len, kind, flags, stream: u32::from_be_bytes([s1, s2, s3, s4]) & 0x7fff_ffff })
    }

    /// Whether a flag is set.
    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends the head of a frame.
pub fn head(out: &mut Vec<u8>, len: usize, kind: u8, flags: u8, stream: u32) {
    let [_, a, b, c] = (len as u32).to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
}

/// Appends a frame with a number as its payload: RST_STREAM and WINDOW_UPDATE.
pub fn number(out: &mut Vec<u8>, kind: u8, stream: u32, number: u32) {
    head(out, 4, kind, 0, stream);
    out.extend_from_slice(&number.to_be_bytes());
}

/// Appends SETTINGS.
pub fn settings(out: &mut Vec<u8>, values: &[(u16, u32)]) {
    head(out, values.len() * 6, kind::SETTINGS, 0, 0);
    for (name, value) in values {
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends GOAWAY.
pub fn goaway(out: &mut Vec<u8>, last: u32, code: Code) {
    head(out, 8, kind::GOAWAY, 0, 0);
    out.extend_from_slice(&last.to_be_bytes());
    out.extend_from_slice(&(code as u32).to_be_bytes());
}

/// Appends a header block in as many frames as it takes.
pub fn headers(out: &mut Vec<u8>, stream: u32, block: &[u8], end_stream: bool, most: usize) {
    let end = if end_stream { flag::END_STREAM } else { 0 };
    let mut pieces = block.chunks(most).peekable();
    let mut kind = kind::HEADERS;
    let mut flags = end;
    if pieces.peek().is_none() {
        return head(out, 0, kind, flags | flag::END_HEADERS, stream);
    }
    while let Some(piece) = pieces.next() {
        let last = if pieces.peek().is_none() { flag::END_HEADERS } else { 0 };
        head(out, piece.len(), kind, flags | last, stream);
        out.extend_from_slice(piece);
        (kind, flags) = (kind::CONTINUATION, 0);
    }
}

/// What is left of a payload without its padding.
pub fn unpadded(head: Head, payload: &[u8]) -> Option<&[u8]> {
    if !head.has(flag::PADDED) {
        return Some(payload);
    }
    let (&padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub(usize::from(padding))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_written() {
        let mut out = Vec::new();
        head(&mut out, 0x01_0203, kind::DATA, flag::END_STREAM, 7);
        assert_eq!(Head::read(&out), Some(Head { len: 0x01_0203, kind: 0, flags: 1, stream: 7 }));
        assert_eq!(Head::read(&out[..8]), None);
    }

    #[test]
    fn a_large_block_goes_on_in_further_frames() {
        let mut out = Vec::new();
        headers(&mut out, 1, &[0; 25], true, 10);
        let mut rest = out.as_slice();
        let mut seen = Vec::new();
        while let Some(head) = Head::read(rest) {
            seen.push((head.kind, head.flags, head.len));
            rest = &rest[HEAD + head.len..];
        }
        assert_eq!(seen, [(1, 1, 10), (9, 0, 10), (9, 4, 5)]);
    }

    #[test]
    fn padding_must_fit() {
        let head = Head { len: 3, kind: 0, flags: flag::PADDED, stream: 1 };
        assert_eq!(unpadded(head, &[1, 9, 0]), Some(&[9][..]));
        assert_eq!(unpadded(head, &[3, 9, 0]), None);
        assert_eq!(unpadded(head, &[]), None);
    }
}
