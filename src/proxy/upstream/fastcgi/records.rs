//! FastCGI's records: bytes in a frame of kind, length and padding. Pure.

const VERSION: u8 = 1;
const BEGIN_REQUEST: u8 = 1;
const END_REQUEST: u8 = 3;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const STDOUT: u8 = 6;
const STDERR: u8 = 7;
/// We send one request at a time on a connection.
const REQUEST: [u8; 2] = [0, 1];
const RESPONDER: u8 = 1;
const KEEP: u8 = 1;
const HEADER: usize = 8;
/// The most that a record of ours holds.
const LARGEST: usize = 32 << 10;

fn header(kind: u8, length: usize, padding: u8) -> [u8; HEADER] {
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    [VERSION, kind, REQUEST[0], REQUEST[1], high, low, padding, 0]
}

/// Appends records of one kind that hold `bytes`.
fn records(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    for piece in bytes.chunks(LARGEST) {
        let padding = (HEADER - piece.len() % HEADER) % HEADER;
        out.extend_from_slice(&header(kind, piece.len(), padding as u8));
        out.extend_from_slice(piece);
        out.extend_from_slice(&[0; HEADER][..padding]);
    }
}

/// Appends what begins a request and its parameters; `keep`: the connection is to stay.
pub fn begin(keep: bool, params: &[u8], out: &mut Vec<u8>) {
    let flags = if keep { KEEP } else { 0 };
    out.extend_from_slice(&header(BEGIN_REQUEST, 8, 0));
    out.extend_from_slice(&[0, RESPONDER, flags, 0, 0, 0, 0, 0]);
    records(PARAMS, params, out);
    out.extend_from_slice(&header(PARAMS, 0, 0));
}

/// Appends bytes of the body; `last`: no more follow.
pub fn stdin(bytes: &[u8], last: bool, out: &mut Vec<u8>) {
    records(STDIN, bytes, out);
    if last {
        out.extend_from_slice(&header(STDIN, 0, 0));
    }
}

/// Appends a parameter.
pub fn param(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for length in [name.len(), value.len()] {
        match u8::try_from(length) {
            Ok(short) if short < 0x80 => out.push(short),
            _ => out.extend_from_slice(&(length as u32 | 1 << 31).to_be_bytes()),
        }
    }
    out.extend_from_slice(name);
    out.extend_from_slice(value);
}

/// What is no record: its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed(pub u8);

/// Takes records apart, however their bytes come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    header: Vec<u8>,
    left: usize,
    padding: usize,
    /// The request has ended.
    pub done: bool,
    /// What was said on stderr.
    pub stderr: Vec<u8>,
}

impl Records {
    /// Takes bytes and appends what they hold of stdout.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn decode(&mut self, mut input: &[u8], stdout: &mut Vec<u8>) -> Result<(), Malformed> {
        while !input.is_empty() && !self.done {
            input = match self.header.len() {
                HEADER => self.content(input, stdout),
                have => {
                    let (part, rest) = input.split_at(input.len().min(HEADER - have));
                    self.header.extend_from_slice(part);
                    self.begun()?;
                    rest
                }
            };
        }
        Ok(())
    }

    /// A header may be whole.
    fn begun(&mut self) -> Result<(), Malformed> {
        let [version, _, _, _, high, low, padding, _] = *self.header.as_slice() else { return Ok(()) };
        if version != VERSION {
            return Err(Malformed(version));
        }
        self.left = usize::from(u16::from_be_bytes([high, low]));
        self.padding = usize::from(padding);
        self.ended();
        Ok(())
    }

    fn kind(&self) -> u8 {
        self.header.get(1).copied().unwrap_or(0)
    }

    /// Takes bytes of a record and gives back those behind it.
    fn content<'a>(&mut self, input: &'a [u8], stdout: &mut Vec<u8>) -> &'a [u8] {
        let (data, rest) = input.split_at(input.len().min(self.left));
        match self.kind() {
            STDOUT => stdout.extend_from_slice(data),
            STDERR => self.stderr.extend_from_slice(data),
            _ => {}
        }
        self.left -= data.len();
        let (skipped, rest) = rest.split_at(rest.len().min(self.padding));
        self.padding -= skipped.len();
        self.ended();
        rest
    }

    /// A record may be whole.
    fn ended(&mut self) {
        if self.left == 0 && self.padding == 0 {
            self.done |= self.kind() == END_REQUEST;
            self.header.clear();
        }
    }
}

/// The bytes behind the first `count` of stdout, as records again.
pub fn behind(raw: &[u8], count: usize) -> Vec<u8> {
    let (mut at, mut seen) = (0, 0);
    while let Some(&[_, kind, _, _, high, low, padding, _]) =
        raw.get(at..at + HEADER).and_then(|header| <&[u8; HEADER]>::try_from(header).ok())
    {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let own = if kind == STDOUT { length } else { 0 };
        if kind == STDOUT && seen + own > count {
            let skipped = count - seen;
            let mut rest = header(STDOUT, length - skipped, padding).to_vec();
            rest.extend_from_slice(raw.get(at + HEADER + skipped..).unwrap_or_default());
            return rest;
        }
        seen += own;
        at += HEADER + length + usize::from(padding);
        if seen == count && kind == STDOUT {
            break;
        }
    }
    raw.get(at..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(pieces: &[&[u8]]) -> Vec<u8> {
        let mut raw = Vec::new();
        pieces.iter().for_each(|piece| records(STDOUT, piece, &mut raw));
        raw.extend_from_slice(&header(STDOUT, 0, 0));
        raw.extend_from_slice(&header(END_REQUEST, 8, 0));
        raw.extend_from_slice(&[0; 8]);
        raw
    }

    #[test]
    fn records_come_in_any_pieces() {
        let raw = answer(&[b"hello", b" world, and more"]);
        for size in 1..raw.len() {
            let (mut records, mut out) = (Records::default(), Vec::new());
            raw.chunks(size).for_each(|piece| records.decode(piece, &mut out).expect("valid"));
            assert_eq!((out.as_slice(), records.done), (&b"hello world, and more"[..], true), "{size}");
        }
    }

    #[test]
    fn what_is_behind_is_records_again() {
        let raw = answer(&[b"hello", b" world"]);
        for count in 0..=11 {
            let (mut records, mut out) = (Records::default(), Vec::new());
            records.decode(&behind(&raw, count), &mut out).expect("valid");
            assert_eq!((out.as_slice(), records.done), (&b"hello world"[count..], true), "{count}");
        }
        let cut = &raw[..HEADER + 3];
        let (mut records, mut out) = (Records::default(), Vec::new());
        records.decode(&behind(cut, 2), &mut out).expect("valid");
        records.decode(&raw[HEADER + 3..], &mut out).expect("valid");
        assert_eq!(out, b"llo world");
    }

    #[test]
    fn long_values_have_long_lengths() {
        let mut out = Vec::new();
        param(b"A", &[b'x'; 200], &mut out);
        assert_eq!(out[..6], [1, 0x80, 0, 0, 200, b'A']);
    }

    #[test]
    fn another_version_is_refused() {
        assert_eq!(Records::default().decode(b"HTTP/1.1 200", &mut Vec::new()), Err(Malformed(b'H')));
    }
}
