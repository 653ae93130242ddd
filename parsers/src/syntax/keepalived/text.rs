//! Bytes that remember where each of them was written: a line keeps exact places although variables, sequences and
//! escapes have replaced parts of it.

use std::ops::Range;

use crate::source::{FileId, Span};

/// A piece of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    bytes: Vec<u8>,
    places: Vec<Span>,
}

impl Text {
    /// The bytes of a file from `start` on.
    pub fn of_file(file: FileId, start: usize, bytes: &[u8]) -> Text {
        let place = |index: usize| Span { file, start: (start + index) as u32, end: (start + index + 1) as u32 };
        Text { bytes: bytes.to_vec(), places: (0..bytes.len()).map(place).collect() }
    }

    /// The bytes as they read now.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A part; what lies outside is cut off.
    pub fn slice(&self, range: Range<usize>) -> Text {
        let end = range.end.min(self.bytes.len());
        let start = range.start.min(end);
        let bytes = self.bytes.get(start..end).unwrap_or_default().to_vec();
        Text { bytes, places: self.places.get(start..end).unwrap_or_default().to_vec() }
    }

    /// Where a part was written: from the place of its first byte to that of its last.
    pub fn span(&self, range: Range<usize>) -> Span {
        let first = self.places.get(range.start.min(self.places.len().saturating_sub(1)));
        let last = range.end.checked_sub(1).and_then(|last| self.places.get(last)).or(self.places.last());
        match (first, last) {
            (Some(first), Some(last)) if first.file == last.file => first.to(*last),
            (Some(first), _) => *first,
            _ => Span::NONE,
        }
    }

    /// Where all of it was written.
    pub fn whole(&self) -> Span {
        self.span(0..self.bytes.len())
    }

    /// Appends a part of another text.
    pub fn push(&mut self, other: &Text, range: Range<usize>) {
        let part = other.slice(range);
        self.bytes.extend(part.bytes);
        self.places.extend(part.places);
    }

    /// Appends bytes that stand in the place of what was written at `place`.
    pub fn push_replaced(&mut self, bytes: &[u8], place: Span) {
        self.bytes.extend_from_slice(bytes);
        self.places.extend(std::iter::repeat_n(place, bytes.len()));
    }

    /// Without spaces and tabs around it.
    pub fn trimmed(&self) -> Text {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0b | 0x0c);
        let start = self.bytes.iter().position(|byte| !blank(byte)).unwrap_or(self.bytes.len());
        let end = self.bytes.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
        self.slice(start..end)
    }
}
