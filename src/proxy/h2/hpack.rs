//! HPACK: header blocks to fields and back. Pure.

use std::collections::VecDeque;

use super::huffman;

/// A field: name and value.
pub type Field = (Vec<u8>, Vec<u8>);

/// The table that everybody has.
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

/// The most bits that fill up a packed text: one more than allowed, since some fill up with a whole byte.
const FILLING: usize = 8;
/// The most fields of a block.
const FIELDS: usize = 4096;
/// The table's size that holds until another is agreed on.
const SIZE: usize = 4096;

/// What went wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It cannot be decoded, nor can anything after it.
    Malformed,
    /// It ends in the middle of a number.
    Cut,
    /// Its fields are larger than allowed.
    TooLarge,
}

/// How many bytes fields may have.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// A name or a value.
    pub one: usize,
    /// All of a block.
    pub all: usize,
}

/// Decodes blocks; what they say changes how later ones are read.
#[derive(Debug)]
pub struct Decoder {
    table: VecDeque<Field>,
    used: usize,
    limit: usize,
    /// The size that may be agreed on.
    most: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder { table: VecDeque::new(), used: 0, limit: SIZE, most: SIZE }
    }
}

impl Decoder {
    /// Of what servers send to us, who have told them that we keep no table.
    pub fn of_server() -> Decoder {
        Decoder { limit: 0, most: 0, ..Decoder::default() }
    }

    /// The fields of a block.
    ///
    /// # Errors
    /// [`Fault`]. After one the connection cannot go on.
    pub fn decode(&mut self, mut block: &[u8], most: Most) -> Result<Vec<Field>, Fault> {
        let mut fields: Vec<Field> = Vec::new();
        let mut size = 0;
        while let Some(&first) = block.first() {
            let field = match first {
                0x80.. => self.get(integer(&mut block, 7)?)?,
                0x40..=0x7f => {
                    let field = self.literal(&mut block, 6)?;
                    self.insert(field.clone());
                    field
                }
                0x20..=0x3f => {
                    let limit = integer(&mut block, 5)?;
                    // Sizes are said before the first field.
                    if limit > self.most || !fields.is_empty() {
                        return Err(Fault::Malformed);
                    }
                    self.limit = limit;
                    self.shrink(0);
                    continue;
                }
                _ => self.literal(&mut block, 4)?,
            };
            size += field.0.len() + field.1.len();
            let largest = field.0.len().max(field.1.len());
            if size > most.all || largest > most.one || fields.len() >= FIELDS {
                return Err(Fault::TooLarge);
            }
            fields.push(field);
        }
        Ok(fields)
    }

    fn literal(&self, block: &mut &[u8], bits: u32) -> Result<Field, Fault> {
        let name = match integer(block, bits)? {
            0 => string(block)?,
            index => self.get(index)?.0,
        };
        Ok((name, string(block)?))
    }

    fn get(&self, index: usize) -> Result<Field, Fault> {
        let at = index.checked_sub(1).ok_or(Fault::Malformed)?;
        if let Some((name, value)) = STATIC.get(at) {
            return Ok((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        self.table.get(at - STATIC.len()).cloned().ok_or(Fault::Malformed)
    }

    fn insert(&mut self, field: Field) {
        let size = field.0.len() + field.1.len() + 32;
        self.shrink(size);
        if size <= self.limit {
            self.used += size;
            self.table.push_front(field);
        }
    }

    /// Makes room for so many bytes.
    fn shrink(&mut self, room: usize) {
        while self.used + room > self.limit {
            let Some((name, value)) = self.table.pop_back() else { break };
            self.used -= name.len() + value.len() + 32;
        }
    }
}

/// Takes a number whose first byte has so many bits for it.
fn integer(block: &mut &[u8], bits: u32) -> Result<usize, Fault> {
    let (&first, mut rest) = block.split_first().ok_or(Fault::Cut)?;
    let mask = (1_usize << bits) - 1;
    let mut value = usize::from(first) & mask;
    if value == mask {
        let mut shift = 0;
        loop {
            let (&byte, after) = rest.split_first().ok_or(Fault::Cut)?;
            rest = after;
            value += (usize::from(byte) & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
            // Nothing larger than 2^21 has a meaning here, and nginx takes no more bytes.
            if shift > 14 {
                return Err(Fault::Malformed);
            }
        }
    }
    *block = rest;
    Ok(value)
}

/// Whether what has come of a block holds a number that is too long, so that nothing that follows can mend it.
pub fn is_hopeless(mut begun: &[u8]) -> bool {
    loop {
        if let Err(fault) = skip(&mut begun) {
            return fault == Fault::Malformed;
        }
    }
}

/// Passes over a field.
fn skip(block: &mut &[u8]) -> Result<(), Fault> {
    let bits = match *block.first().ok_or(Fault::Cut)? {
        0x80.. => 7,
        0x40..=0x7f => 6,
        0x20..=0x3f => 5,
        _ => 4,
    };
    let index = integer(block, bits)?;
    let strings = match bits {
        5 | 7 => 0,
        _ if index > 0 => 1,
        _ => 2,
    };
    for _ in 0..strings {
        let len = integer(block, 7)?;
        *block = block.get(len..).ok_or(Fault::Cut)?;
    }
    Ok(())
}

fn string(block: &mut &[u8]) -> Result<Vec<u8>, Fault> {
    let packed = block.first().is_some_and(|first| first & 0x80 != 0);
    let len = integer(block, 7)?;
    let (bytes, rest) = block.split_at_checked(len).ok_or(Fault::Malformed)?;
    *block = rest;
    if !packed {
        return Ok(bytes.to_vec());
    }
    let mut text = Vec::with_capacity(len * 2);
    huffman::decode(bytes, &mut text, FILLING).ok_or(Fault::Malformed)?;
    Ok(text)
}

/// Appends a field. Nothing is put into the table, so blocks do not depend on one another.
pub fn encode(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let is_name = |(known, _): &(&str, &str)| known.as_bytes() == name;
    let whole = STATIC.iter().position(|field| is_name(field) && field.1.as_bytes() == value);
    if let Some(at) = whole {
        return put_integer(out, 0x80, 7, at + 1);
    }
    match STATIC.iter().position(is_name) {
        Some(at) => put_integer(out, 0, 4, at + 1),
        None => {
            out.push(0);
            put_string(out, name);
        }
    }
    put_string(out, value);
}

fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    let mut packed = Vec::with_capacity(text.len());
    huffman::encode(text, &mut packed);
    let shorter = packed.len() < text.len();
    let (first, bytes) = if shorter { (0x80, packed.as_slice()) } else { (0, text) };
    put_integer(out, first, 7, bytes.len());
    out.extend_from_slice(bytes);
}

fn put_integer(out: &mut Vec<u8>, first: u8, bits: u32, value: usize) {
    let mask = (1_usize << bits) - 1;
    if value < mask {
        return out.push(first | value as u8);
    }
    out.push(first | mask as u8);
    let mut left = value - mask;
    while left >= 0x80 {
        out.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Most = Most { one: 8192, all: 65_536 };

    fn shown(fields: &[Field]) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        fields.iter().map(|(name, value)| format!("{}: {}", text(name), text(value))).collect()
    }

    /// RFC 7541, C.4: requests with Huffman code on one connection.
    #[test]
    fn the_rfcs_requests() {
        let mut decoder = Decoder::default();
        let first =
            [0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        let fields = decoder.decode(&first, MOST).unwrap();
        assert_eq!(shown(&fields), [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"]);
        let second = [0x82, 0x86, 0x84, 0xbe, 0x58, 0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];
        let fields = decoder.decode(&second, MOST).unwrap();
        assert_eq!(shown(&fields)[3..], [":authority: www.example.com", "cache-control: no-cache"]);
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let fields = [("server", "nginx/1.31.5"), (":status", "200"), ("x-long", &"y".repeat(500)), ("x", "")];
        let mut block = Vec::new();
        fields.iter().for_each(|(name, value)| encode(&mut block, name.as_bytes(), value.as_bytes()));
        let decoded = Decoder::default().decode(&block, MOST).unwrap();
        let wanted: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        assert_eq!(shown(&decoded), wanted);
    }

    #[test]
    fn bombs_and_junk_are_refused() {
        let mut decoder = Decoder::default();
        // One large field in the table, and then a byte for each time it is meant.
        let mut block = vec![0x40];
        put_string(&mut block, b"n");
        put_string(&mut block, &[b'v'; 2000]);
        block.extend([0xbe; 100]);
        assert_eq!(decoder.decode(&block, MOST), Err(Fault::TooLarge));
        assert_eq!(Decoder::default().decode(&[0x80], MOST), Err(Fault::Malformed));
        assert_eq!(Decoder::default().decode(&[0xc0], MOST), Err(Fault::Malformed));
        assert_eq!(Decoder::default().decode(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff], MOST), Err(Fault::Malformed));
        assert_eq!(Decoder::default().decode(&[0xff], MOST), Err(Fault::Cut));
        assert_eq!(Decoder::default().decode(&[0xff, 0xff, 0xff, 0xff], MOST), Err(Fault::Malformed));
        assert_eq!(Decoder::default().decode(&[0x00, 0x05, b'a'], MOST), Err(Fault::Malformed));
    }

    #[test]
    fn what_cannot_end_well_shows_early() {
        let rows: [(&[u8], bool); 9] = [
            (&[], false),
            (&[0xff, 0xff, 0xff, 0xff], true),
            (&[0x42, 0xff, 0xff, 0xff, 0xff], true),
            (&[0xff, 0xff, 0xff], false),
            (&[0x82, 0x3f, 0xff, 0xff, 0xff], true),
            (&[0x00, 0x01, b'a', 0xff, 0xff, 0xff, 0xff], true),
            (&[0x00, 0x04, 0xff, 0xff, 0xff, 0xff], false),
            (&[0x40, 0x05, b'a'], false),
            (&[0x82, 0x84, 0x41, 0x01, b'a'], false),
        ];
        for (begun, hopeless) in rows {
            assert_eq!(is_hopeless(begun), hopeless, "{begun:?}");
        }
    }
}
