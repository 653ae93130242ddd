//! `charset_map`: how answers are recoded.

use super::Lowering;
use crate::ir::charset::CharsetMap;
use crate::syntax::tree::{Directive, Word};
use crate::table::Fault;

impl Lowering<'_> {
    pub(super) fn charset_map(&mut self, directive: &Directive) -> Result<(), Fault> {
        let (from, to) = (directive.arg(0), directive.arg(1));
        let name = |word: &Word| word.lossy().to_ascii_lowercase();
        let mut map = CharsetMap { from: name(from), to: name(to), pairs: Vec::new(), span: directive.span };
        if map.from == map.to {
            let text = format!("\"charset_map\" between the same charsets \"{}\" and \"{}\"", from.lossy(), to.lossy());
            return Err(Fault::new(text).at(to.span).help("name two different sets"));
        }
        let same = |other: &CharsetMap| {
            (other.from == map.from && other.to == map.to) || (other.from == map.to && other.to == map.from)
        };
        if self.ir.charset_maps.iter().any(same) {
            let text = format!("duplicate \"charset_map\" between \"{}\" and \"{}\"", from.lossy(), to.lossy());
            return Err(Fault::new(text).at(from.span).help("join the two blocks"));
        }
        let lines = directive.block.as_ref().map(|block| self.cx.walk(block)).unwrap_or_default();
        for line in lines {
            match pair(line, map.is_utf8()) {
                Ok(pair) => map.pairs.push(pair),
                Err(fault) => self.cx.refuse(line, fault),
            }
        }
        self.ir.charset_maps.push(map);
        Ok(())
    }
}

fn pair(line: &Directive, wide: bool) -> Result<(u8, Vec<u8>), Fault> {
    let [target] = &*line.args else {
        return Err(Fault::new("invalid parameters number").help("write: code code;"));
    };
    let invalid = |word: &Word| Fault::new(format!("invalid value \"{}\"", word.lossy())).at(word.span);
    let source = match hex(&line.name.text).as_deref() {
        Some([byte]) => *byte,
        _ => return Err(invalid(&line.name).help("write one byte in hexadecimal digits")),
    };
    let longest = if wide { 4 } else { 1 };
    let bytes = hex(&target.text).filter(|bytes| (1..=longest).contains(&bytes.len()));
    bytes.map(|bytes| (source, bytes)).ok_or_else(|| invalid(target).help("write bytes in hexadecimal digits"))
}

/// Bytes written in hexadecimal digits; a single digit is a byte too.
fn hex(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    (0..padded.len()).step_by(2).map(|at| u8::from_str_radix(padded.get(at..at + 2)?, 16).ok()).collect()
}
