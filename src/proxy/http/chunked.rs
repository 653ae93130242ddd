//! The chunked coding, both ways: a decoder that takes bytes as they come, and the frame around a piece.

/// What is wrong with a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Where a decoder is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    #[default]
    Start,
    /// Within the digits.
    Size,
    /// Within a chunk extension, which is skipped.
    Extension,
    /// After the CR of a size line.
    SizeLf,
    /// Within data.
    Data,
    /// After data: CR is due.
    DataCr,
    /// After data: LF is due.
    DataLf,
    /// At the start of a trailer line.
    TrailerStart,
    /// Within a trailer line.
    Trailer,
    /// After the CR of a trailer line.
    TrailerLf,
    /// After the CR of the last, empty line.
    EndLf,
    /// All has been seen.
    Done,
}

/// Decodes a chunked body piece by piece. Bare line feeds are refused, as nginx does since 1.29.4.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    state: State,
    left: u64,
    overhead: u32,
}

/// Bytes of extensions and trailers that are tolerated.
const MAX_OVERHEAD: u32 = 64 * 1024;

impl Decoder {
    /// Whether the last chunk and the trailer have been seen.
    pub fn done(&self) -> bool {
        self.state == State::Done
    }

    /// Bytes that the body takes at least from here on.
    pub fn at_least(&self) -> u64 {
        self.left
    }

    /// Decodes from `input` and appends data to `out`, at most up to `limit` bytes of it; says how many bytes of
    /// `input` were used.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<usize, Malformed> {
        self.decode_with(input, out, limit, |_| {})
    }

    /// The same, and gives the bytes of the trailer's lines to `trailer`, their ends included.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn decode_with(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
        limit: usize,
        mut trailer: impl FnMut(u8),
    ) -> Result<usize, Malformed> {
        let mut at = 0;
        let end = out.len().saturating_add(limit);
        while let Some(&byte) = input.get(at) {
            match self.state {
                State::Done => break,
                State::Data => {
                    let room = end.saturating_sub(out.len());
                    let rest = input.get(at..).unwrap_or_default();
                    let take = rest.len().min(room).min(usize::try_from(self.left).unwrap_or(usize::MAX));
                    if take == 0 {
                        break;
                    }
                    out.extend_from_slice(rest.get(..take).unwrap_or_default());
                    self.left -= take as u64;
                    at += take;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                }
                _ => {
                    if matches!(self.state, State::TrailerStart | State::Trailer | State::TrailerLf) {
                        trailer(byte);
                    }
                    self.step(byte)?;
                    at += 1;
                }
            }
        }
        Ok(at)
    }

    /// Takes one byte of framing.
    fn step(&mut self, byte: u8) -> Result<(), Malformed> {
        self.state = match (self.state, byte) {
            (State::Start | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte)?,
            (State::Size, b'\r') => State::SizeLf,
            (State::Size, b';' | b' ' | b'\t') => State::Extension,
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension | State::Trailer, b'\n') => return Err(Malformed),
            (State::Extension, _) => self.spend(State::Extension)?,
            (State::SizeLf, b'\n') if self.left == 0 => State::TrailerStart,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Start,
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart, b'\n') => return Err(Malformed),
            (State::TrailerStart, _) => self.spend(State::Trailer)?,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::Trailer, _) => self.spend(State::Trailer)?,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => State::Done,
            _ => return Err(Malformed),
        };
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<State, Malformed> {
        let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
        if self.state == State::Start {
            self.left = 0;
        }
        self.left = self.left.checked_mul(16).ok_or(Malformed)?.checked_add(u64::from(digit)).ok_or(Malformed)?;
        if self.left > i64::MAX as u64 {
            return Err(Malformed);
        }
        Ok(State::Size)
    }

    fn spend(&mut self, next: State) -> Result<State, Malformed> {
        self.overhead += 1;
        if self.overhead > MAX_OVERHEAD { Err(Malformed) } else { Ok(next) }
    }
}

/// Appends the line before a chunk of `len` bytes.
pub fn chunk_line(len: usize, out: &mut Vec<u8>) {
    use std::io::Write;
    let _ = write!(out, "{len:x}\r\n");
}

/// What ends a chunked body that has no trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(input: &[u8], step: usize) -> Result<(Vec<u8>, bool, usize), Malformed> {
        let mut decoder = Decoder::default();
        let mut out = Vec::new();
        let mut used = 0;
        for piece in input.chunks(step) {
            used += decoder.decode(piece, &mut out, usize::MAX)?;
        }
        Ok((out, decoder.done(), used))
    }

    #[test]
    fn whole_and_bytewise() {
        let body = b"5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: v\r\n\r\nGET";
        for step in [1, 2, 7, 100] {
            assert_eq!(decode(body, step), Ok((b"hello!".to_vec(), true, body.len() - 3)));
        }
    }

    #[test]
    fn refused() {
        for body in [&b"5\nhello"[..], b"g\r\n", b"1\r\nab\r\n", b"\r\n", b"ffffffffffffffffff\r\n", b"0\r\n\n"] {
            assert_eq!(decode(body, 1), Err(Malformed), "{}", body.escape_ascii());
        }
    }
}
