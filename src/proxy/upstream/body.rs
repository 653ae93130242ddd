//! The body of a backend's answer: where it ends, and what of the bytes belongs to it.

use super::fastcgi::Records;
use super::memcached::TRAILER;
use super::receive::{Form, Received};
use crate::proxy::http::chunked::Decoder;

/// How the end is known.
#[derive(Debug)]
enum Framing {
    /// There is no body.
    None,
    /// So many bytes are still to come.
    Length(u64),
    /// Chunked, and what follows the body if that is wanted.
    Chunked(Box<Decoder>, Option<Vec<u8>>),
    /// The backend closes the connection; whether it has.
    Close(bool),
    /// FastCGI's records, and so many bytes in them are still to come if that is known.
    Records(Box<Records>, Option<u64>),
    /// HTTP/2's frames: bytes still to come, if that is known, and whether the end has come.
    Stream(Option<u64>, bool),
    /// So many bytes are still to come, then what is left of memcached's trailer; none once it proved to be another.
    Trailed(u64, Option<&'static [u8]>),
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
    /// `trailers`: what follows the body is wanted.
    pub fn new(received: &Received, is_head: bool, trailers: bool) -> Self {
        let meaning = &received.meaning;
        let framing = match meaning.length {
            length if received.form == Form::Records => Framing::Records(Box::default(), length),
            length if matches!(received.form, Form::Http2 { .. }) => {
                let none = is_head || matches!(received.status, 204 | 304);
                let ended = received.form == Form::Http2 { ended: true };
                Framing::Stream(if none { Some(0) } else { length }, ended)
            }
            Some(length) if received.form == Form::Memcached => Framing::Trailed(length, Some(TRAILER)),
            _ if is_head || matches!(received.status, 204 | 304) => Framing::None,
            _ if meaning.chunked => Framing::Chunked(Box::default(), trailers.then(Vec::new)),
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
            Framing::Chunked(decoder, _) => decoder.done(),
            Framing::Length(_) => false,
            Framing::Close(closed) => *closed,
            Framing::Records(records, left) => records.done && left.unwrap_or(0) == 0,
            Framing::Stream(left, ended) => *ended && left.unwrap_or(0) == 0,
            Framing::Trailed(left, trailer) => *left == 0 && trailer.is_none_or(<[u8]>::is_empty),
        }
    }

    /// Whether the end of the connection ends the body as it should.
    pub fn ends_with_connection(&self) -> bool {
        matches!(self.framing, Framing::Close(_) | Framing::Records(_, None | Some(0)))
    }

    /// The connection has ended, and with it the body.
    pub fn finish(&mut self) {
        match &mut self.framing {
            Framing::Close(closed) => *closed = true,
            Framing::Records(records, _) => records.done = true,
            Framing::Stream(_, ended) => *ended = true,
            _ => {}
        }
    }

    /// What a FastCGI server has said on stderr since it was asked last.
    pub fn stderr(&mut self) -> Option<Vec<u8>> {
        match &mut self.framing {
            Framing::Records(records, _) if !records.stderr.is_empty() => Some(std::mem::take(&mut records.stderr)),
            _ => None,
        }
    }

    /// Whether nothing more comes although it should.
    pub fn is_short(&self) -> bool {
        match &self.framing {
            Framing::Records(records, Some(1..)) => records.done,
            Framing::Stream(Some(1..), ended) => *ended,
            _ => false,
        }
    }

    /// What follows a chunked body, once it has come; lines of fields.
    pub fn take_trailers(&mut self) -> Option<Vec<u8>> {
        match &mut self.framing {
            Framing::Chunked(decoder, kept) if decoder.done() => kept.take(),
            _ => None,
        }
    }

    /// It turned out to be none: it never ends as it should.
    pub fn fail(&mut self) {
        self.framing = Framing::Stream(Some(u64::MAX), true);
    }

    /// Whether the body is of a stream of HTTP/2, which says itself where it ends.
    pub fn is_stream(&self) -> bool {
        matches!(self.framing, Framing::Stream(..))
    }

    /// Whether the framing lets the connection serve again.
    pub fn keeps_connection(&self) -> bool {
        self.ended() && !matches!(self.framing, Framing::Close(_) | Framing::Trailed(_, None))
    }

    /// How many bytes may be passed on unseen: those of a body that is neither chunked nor short.
    pub fn plain(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(left) => Some(left),
            Framing::Close(_) => Some(u64::MAX),
            Framing::None
            | Framing::Chunked(..)
            | Framing::Records(..)
            | Framing::Stream(..)
            | Framing::Trailed(..) => None,
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
            Framing::Chunked(decoder, kept) => {
                decoded.clear();
                let used = match kept {
                    Some(kept) => decoder.decode_with(bytes, decoded, usize::MAX, |byte| kept.push(byte)),
                    None => decoder.decode(bytes, decoded, usize::MAX),
                };
                let used = used.map_err(|_| Malformed)?;
                Taken { data: decoded, excess: used < bytes.len() }
            }
            Framing::Records(records, left) => {
                decoded.clear();
                records.decode(bytes, decoded).map_err(|_| Malformed)?;
                let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
                let excess = decoded.len() > most;
                decoded.truncate(most);
                *left = left.map(|left| left - decoded.len() as u64);
                Taken { data: decoded, excess }
            }
            Framing::Stream(left, _) => {
                let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
                // Of what goes beyond the length nothing is taken.
                let excess = bytes.len() > most;
                let data = if excess { &[][..] } else { bytes };
                *left = left.map(|left| left - data.len() as u64);
                Taken { data, excess }
            }
            Framing::Trailed(left, trailer) => {
                let len = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let (data, rest) = bytes.split_at(len);
                *left -= len as u64;
                *trailer = trailer.and_then(|trailer| {
                    trailer.split_at_checked(rest.len()).filter(|(come, _)| *come == rest).map(|(_, left)| left)
                });
                Taken { data, excess: trailer.is_none() && !rest.is_empty() }
            }
        };
        self.length += taken.data.len() as u64;
        Ok(taken)
    }

    /// What is wrong with excess bytes, as the log says it.
    pub fn excess_text(&self) -> &'static str {
        match self.framing {
            Framing::Chunked(..) => "upstream sent data after final chunk",
            Framing::Stream(..) => "upstream sent response body larger than indicated content length",
            Framing::Trailed(..) => "memcached sent invalid trailer",
            _ => "upstream sent more data than specified in \"Content-Length\" header",
        }
    }
}
