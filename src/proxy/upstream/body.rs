//! The body of a backend's answer: where it ends, and what of the bytes belongs to it.

use super::receive::Received;
use crate::proxy::http::chunked::Decoder;

/// How the end is known.
#[derive(Debug)]
enum Framing {
    /// There is no body.
    None,
    /// So many bytes are still to come.
    Length(u64),
    /// Chunked.
    Chunked(Box<Decoder>),
    /// The backend closes the connection; whether it has.
    Close(bool),
}

/// Tells a body's bytes from what surrounds them.
#[derive(Debug)]
pub struct Reader {
    framing: Framing,
    /// Bytes of body seen.
    pub length: u64,
}

/// What came of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Taken<'a> {
    /// Those that belong to the body, decoded.
    pub data: &'a [u8],
    /// More came than belongs to it.
    pub excess: bool,
}

/// A chunked body that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Reader {
    /// For an answer whose head has come. `is_head`: the request's method was HEAD.
    pub fn new(received: &Received, is_head: bool) -> Self {
        let meaning = &received.meaning;
        let framing = match meaning.length {
            _ if is_head || matches!(received.status, 204 | 304) => Framing::None,
            _ if meaning.chunked => Framing::Chunked(Box::default()),
            Some(0) => Framing::None,
            Some(length) => Framing::Length(length),
            None => Framing::Close(false),
        };
        Reader { framing, length: 0 }
    }

    /// Whether the body has ended as it should.
    pub fn ended(&self) -> bool {
        match &self.framing {
            Framing::None | Framing::Length(0) => true,
            Framing::Chunked(decoder) => decoder.done(),
            Framing::Length(_) => false,
            Framing::Close(closed) => *closed,
        }
    }

    /// Whether the end of the connection ends the body as it should.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.framing, Framing::Close(_))
    }

    /// The connection has ended, and with it the body.
    pub fn finish(&mut self) {
        if let Framing::Close(closed) = &mut self.framing {
            *closed = true;
        }
    }

    /// Whether the framing lets the connection serve again.
    pub fn keeps_connection(&self) -> bool {
        self.ended() && !self.ends_with_connection()
    }

    /// How many bytes may be passed on unseen: those of a body that is neither chunked nor short.
    pub fn plain(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(left) => Some(left),
            Framing::Close(_) => Some(u64::MAX),
            Framing::None | Framing::Chunked(_) => None,
        }
    }

    /// Counts bytes that were passed on unseen.
    pub fn passed(&mut self, bytes: u64) {
        self.length += bytes;
        if let Framing::Length(left) = &mut self.framing {
            *left = left.saturating_sub(bytes);
        }
    }

    /// Takes bytes in. `decoded` is used where they have to be decoded.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn take<'a>(&mut self, bytes: &'a [u8], decoded: &'a mut Vec<u8>) -> Result<Taken<'a>, Malformed> {
        let taken = match &mut self.framing {
            Framing::None => Taken { data: &[], excess: !bytes.is_empty() },
            Framing::Close(_) => Taken { data: bytes, excess: false },
            Framing::Length(left) => {
                let len = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= len as u64;
                Taken { data: bytes.get(..len).unwrap_or_default(), excess: len < bytes.len() }
            }
            Framing::Chunked(decoder) => {
                decoded.clear();
                let used = decoder.decode(bytes, decoded, usize::MAX).map_err(|_| Malformed)?;
                Taken { data: decoded, excess: used < bytes.len() }
            }
        };
        self.length += taken.data.len() as u64;
        Ok(taken)
    }

    /// What is wrong with excess bytes, as the log says it.
    pub fn excess_text(&self) -> &'static str {
        match self.framing {
            Framing::Chunked(_) => "upstream sent data after final chunk",
            _ => "upstream sent more data than specified in \"Content-Length\" header",
        }
    }
}
