//! Recoding from one character set into another by a `charset_map`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rkeep_parsers::ir::charset::CharsetMap;

/// All recodings of a configuration, by source and target in lower case.
#[derive(Debug, Default)]
pub struct Tables {
    /// The sets that are named anywhere, in lower case.
    known: HashSet<String>,
    tables: HashMap<(String, String), Arc<Table>>,
}

/// How one set becomes another.
#[derive(Debug)]
enum Table {
    /// Each byte becomes one or more.
    Bytes(Vec<Vec<u8>>),
    /// Characters of UTF-8 become bytes.
    Utf8(HashMap<char, u8>),
}

impl Tables {
    /// Makes both directions of each map. `named` are the sets of locations.
    pub fn compile<'a>(maps: &[CharsetMap], named: impl Iterator<Item = &'a [u8]>) -> Tables {
        let mut tables = Tables { known: named.map(lower).collect(), ..Tables::default() };
        for map in maps {
            tables.known.extend([map.from.clone(), map.to.clone()]);
            let (from, to) = (map.from.clone(), map.to.clone());
            tables.tables.insert((from.clone(), to.clone()), Arc::new(Table::Bytes(forward(map))));
            tables.tables.insert((to, from), Arc::new(backward(map)));
        }
        tables
    }

    /// Recodes from one set into another, if a map says how.
    pub fn recoder(&self, from: &[u8], to: &[u8]) -> Option<Recoder> {
        let table = self.tables.get(&(lower(from), lower(to)))?.clone();
        Some(Recoder { table, pending: Vec::new() })
    }

    /// Whether a set is named anywhere in the configuration.
    pub fn knows(&self, name: &[u8]) -> bool {
        self.known.contains(&lower(name))
    }
}

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

/// What bytes become that no line of the map names: ASCII stays.
fn unmapped() -> Vec<Vec<u8>> {
    (0..=255u8).map(|byte| vec![if byte < 128 { byte } else { b'?' }]).collect()
}

fn forward(map: &CharsetMap) -> Vec<Vec<u8>> {
    let mut table = unmapped();
    for (byte, bytes) in &map.pairs {
        if let Some(slot) = table.get_mut(usize::from(*byte)) {
            slot.clone_from(bytes);
        }
    }
    table
}

fn backward(map: &CharsetMap) -> Table {
    if map.is_utf8() {
        let character = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.chars().next();
        let pairs = map.pairs.iter().filter_map(|(byte, bytes)| Some((character(bytes)?, *byte)));
        return Table::Utf8(pairs.collect());
    }
    let mut table = unmapped();
    for (byte, bytes) in &map.pairs {
        if let Some(slot) = bytes.first().and_then(|first| table.get_mut(usize::from(*first))) {
            *slot = vec![*byte];
        }
    }
    Table::Bytes(table)
}

/// Recodes one answer.
#[derive(Debug)]
pub struct Recoder {
    table: Arc<Table>,
    /// The beginning of a character of UTF-8 whose rest has not come.
    pending: Vec<u8>,
}

impl Recoder {
    /// Whether the length of the answer stays what it is.
    pub fn keeps_length(&self) -> bool {
        matches!(&*self.table, Table::Bytes(table) if table.iter().all(|bytes| bytes.len() == 1))
    }

    /// Recodes a piece.
    pub fn recode(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        match &*self.table {
            Table::Bytes(table) => {
                for byte in bytes {
                    out.extend_from_slice(table.get(usize::from(*byte)).map_or(&[], Vec::as_slice));
                }
            }
            Table::Utf8(table) => {
                self.pending.extend_from_slice(bytes);
                let rest = from_utf8(&self.pending, table, out);
                self.pending.drain(..self.pending.len() - rest);
            }
        }
    }
}

/// Recodes whole characters; says how many bytes at the end wait for more.
fn from_utf8(bytes: &[u8], table: &HashMap<char, u8>, out: &mut Vec<u8>) -> usize {
    let mut rest = bytes;
    loop {
        let (valid, bad) = match std::str::from_utf8(rest) {
            Ok(valid) => (valid, None),
            Err(error) => {
                let valid = rest.get(..error.valid_up_to()).unwrap_or_default();
                (std::str::from_utf8(valid).unwrap_or_default(), Some(error.error_len()))
            }
        };
        for character in valid.chars() {
            match table.get(&character) {
                Some(byte) => out.push(*byte),
                None if character.is_ascii() => out.push(character as u8),
                None => out.extend_from_slice(format!("&#{};", u32::from(character)).as_bytes()),
            }
        }
        let left = rest.get(valid.len()..).unwrap_or_default();
        match bad {
            None => return 0,
            Some(None) => return left.len(),
            Some(Some(length)) => {
                out.push(b'?');
                rest = left.get(length..).unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rkeep_parsers::source::Span;

    fn recode(pieces: &[&[u8]], from: &str, to: &str, map: &CharsetMap) -> Vec<u8> {
        let tables = Tables::compile(std::slice::from_ref(map), std::iter::empty());
        let mut recoder = tables.recoder(from.as_bytes(), to.as_bytes()).expect("a map");
        let mut out = Vec::new();
        pieces.iter().for_each(|piece| recoder.recode(piece, &mut out));
        out
    }

    #[test]
    fn both_ways() {
        let euro =
            CharsetMap { from: "x".into(), to: "utf-8".into(), pairs: vec![(0x80, "€".into())], span: Span::NONE };
        assert_eq!(recode(&[b"a\x80\x81"], "X", "UTF-8", &euro), "a€?".as_bytes());
        let bytes = "a€ä".as_bytes();
        let (start, end) = bytes.split_at(2);
        assert_eq!(recode(&[start, end], "utf-8", "x", &euro), b"a\x80&#228;");
        let swap = CharsetMap { from: "b".into(), to: "a".into(), pairs: vec![(0x58, vec![0x59])], span: Span::NONE };
        assert_eq!(recode(&[b"X1"], "b", "a", &swap), b"Y1");
    }
}
