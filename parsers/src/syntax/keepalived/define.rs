//! Definitions (`$NAME=value`, kept as written, expanded where they are used) and conditions (`@id`, `@^id`).

use std::collections::HashMap;

use super::Text;
use super::words::is_blank;
use crate::source::Span;

/// What `$NAME` stands for: one line, or several of a definition whose lines end in `\`.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// The lines; one for a plain definition.
    pub lines: Vec<Text>,
    /// Whether it was written over several lines: then it is used alone on a line.
    pub block: bool,
}

/// All definitions read so far, with keepalived's own.
#[derive(Clone, Debug, Default)]
pub struct Definitions {
    known: HashMap<Vec<u8>, Definition>,
}

/// How deep definitions may stand in definitions.
const DEPTH: usize = 16;
/// How long a line may become: well over keepalived's own limit, and far below what a bomb would make of it.
const LONGEST: usize = 64 * 1024;

impl Definitions {
    /// Defines a name, replacing what it was.
    pub fn set(&mut self, name: &[u8], definition: Definition) {
        self.known.insert(name.to_vec(), definition);
    }

    /// Defines a name as plain bytes.
    pub fn set_plain(&mut self, name: &str, value: &[u8]) {
        let mut line = Text::default();
        line.push_replaced(value, Span::NONE);
        self.set(name.as_bytes(), Definition { lines: vec![line], block: false });
    }

    /// The definition that a line consists of, if it is one over several lines.
    pub fn block(&self, line: &Text) -> Option<&Definition> {
        let bytes = line.bytes();
        let (name, range) = reference(bytes, 0)?;
        let alone = range.end == bytes.len();
        self.known.get(name).filter(|definition| definition.block && alone)
    }

    /// A line with its variables replaced; what is not defined stays as it is.
    pub fn expand(&self, line: &Text) -> Text {
        let mut line = line.clone();
        for _ in 0..DEPTH {
            match self.expand_once(&line) {
                Some(expanded) if expanded.bytes().len() <= LONGEST => line = expanded,
                _ => break,
            }
        }
        line
    }

    fn expand_once(&self, line: &Text) -> Option<Text> {
        let bytes = line.bytes();
        let (mut out, mut at, mut changed) = (Text::default(), 0, false);
        while at < bytes.len() {
            let found = reference(bytes, at).and_then(|(name, range)| Some((self.value(name)?, range)));
            match found {
                Some((value, range)) => {
                    out.push_replaced(value, line.span(range.clone()));
                    at = range.end;
                    changed = true;
                }
                None => {
                    out.push(line, at..at + 1);
                    at += 1;
                }
            }
            if out.bytes().len() > LONGEST {
                return None;
            }
        }
        changed.then_some(out)
    }

    fn value(&self, name: &[u8]) -> Option<&[u8]> {
        let definition = self.known.get(name).filter(|definition| !definition.block)?;
        Some(definition.lines.first().map(Text::bytes).unwrap_or_default())
    }
}

/// A reference that starts at `at`: its name and where it stands. `$NAME` must be followed by a blank, `,`, `)` or the
/// end of the line; `${NAME}` may stand anywhere.
fn reference(bytes: &[u8], at: usize) -> Option<(&[u8], std::ops::Range<usize>)> {
    let after = bytes.get(at..)?.strip_prefix(b"$")?;
    if let Some(inner) = after.strip_prefix(b"{") {
        let length = name_length(inner);
        let closed = length > 0 && inner.get(length) == Some(&b'}');
        return closed.then(|| (inner.get(..length).unwrap_or_default(), at..at + length + 3));
    }
    let length = name_length(after);
    let ends = after.get(length).is_none_or(|byte| is_blank(*byte) || matches!(byte, b',' | b')'));
    (length > 0 && ends).then(|| (after.get(..length).unwrap_or_default(), at..at + length + 1))
}

fn name_length(bytes: &[u8]) -> usize {
    let starts = bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let rest = bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    if starts { rest } else { 0 }
}

/// `$NAME=value` at the start of a line: the name and where the value begins.
pub fn definition(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let after = bytes.strip_prefix(b"$")?;
    let length = name_length(after);
    let assigned = length > 0 && after.get(length) == Some(&b'=');
    assigned.then(|| (after.get(..length).unwrap_or_default(), length + 2))
}

/// Whether a line with a condition holds for a `--config-id`, and where the line goes on.
pub fn condition(bytes: &[u8], config_id: &str) -> Option<(bool, usize)> {
    let after = bytes.strip_prefix(b"@")?;
    let (negated, id) = after.strip_prefix(b"^").map_or((false, after), |id| (true, id));
    let length = id.iter().take_while(|byte| !is_blank(**byte)).count();
    let same = id.get(..length) == Some(config_id.as_bytes());
    Some((same != negated, bytes.len() - id.len() + length))
}
