//! Files, places in them, and where their bytes come from.

mod glob;
mod loader;

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use loader::{DiskLoader, Loader, MapLoader};

/// One file of a [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A half-open range of bytes in one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The place of what nobody wrote, such as a default.
    pub const NONE: Span = Span { file: FileId(u32::MAX), start: 0, end: 0 };

    /// Whether somebody wrote it.
    pub fn is_written(self) -> bool {
        self.file != Span::NONE.file
    }

    /// The span from the start of `self` to the end of `other`, both in one file.
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start, end: other.end.max(self.start) }
    }
}

/// A value and the place it was written at, in a box: a level of configuration has room for hundreds of values and few
/// are written, so what is not written should take next to none.
#[derive(Clone, Debug)]
pub struct Spanned<T>(Box<Written<T>>);

/// What is in the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value and its place.
    pub fn new(value: T, span: Span) -> Self {
        Spanned(Box::new(Written { value, span }))
    }

    /// The value without its place.
    pub fn into_value(self) -> T {
        self.0.value
    }
}

/// The same value is the same wherever it was written.
impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> Deref for Spanned<T> {
    type Target = Written<T>;

    fn deref(&self) -> &Written<T> {
        &self.0
    }
}

impl<T> DerefMut for Spanned<T> {
    fn deref_mut(&mut self) -> &mut Written<T> {
        &mut self.0
    }
}

/// One file as it was read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// The path under which messages name it.
    pub path: PathBuf,
    /// All its bytes.
    pub bytes: Arc<[u8]>,
    /// The directive that included it, none for a top file.
    pub included_at: Option<Span>,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// The text of a line (from 1), without its line feed; empty past the end.
    pub fn line_text(&self, line: u32) -> &[u8] {
        let index = line.saturating_sub(1) as usize;
        let Some(&start) = self.line_starts.get(index) else { return &[] };
        let end = self.line_starts.get(index + 1).map_or(self.bytes.len(), |&next| next as usize - 1);
        self.bytes.get(start as usize..end).unwrap_or_default()
    }

    /// The line (from 1) of a byte.
    pub fn line_at(&self, byte: u32) -> u32 {
        self.line_starts.partition_point(|&start| start <= byte).max(1) as u32
    }

    /// The first byte of a line (from 1); the end of the file past the last.
    pub fn line_start(&self, line: u32) -> usize {
        self.line_starts.get(line.saturating_sub(1) as usize).map_or(self.bytes.len(), |&start| start as usize)
    }
}

/// A line and a column, both from 1; columns count bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in bytes, from 1.
    pub column: u32,
}

/// All files that one configuration is made of, in the order in which they were opened.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// Adds a file and returns its id.
    pub fn add(&mut self, path: PathBuf, bytes: impl Into<Arc<[u8]>>, included_at: Option<Span>) -> FileId {
        let bytes = bytes.into();
        let feeds = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at as u32 + 1);
        let line_starts = std::iter::once(0).chain(feeds).collect();
        self.files.push(SourceFile { path, bytes, included_at, line_starts });
        FileId(self.files.len() as u32 - 1)
    }

    /// Takes in all files of another map. Returns what is to be added to that map's file ids.
    pub fn append(&mut self, other: SourceMap) -> u32 {
        let moved = self.files.len() as u32;
        self.files.extend(other.files);
        moved
    }

    /// The file, if the id is of this map.
    pub fn get(&self, file: FileId) -> Option<&SourceFile> {
        self.files.get(file.0 as usize)
    }

    /// All files with their ids.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(index, file)| (FileId(index as u32), file))
    }

    /// The path of a file, empty for an id of another map.
    pub fn path(&self, file: FileId) -> &Path {
        self.get(file).map_or(Path::new(""), |file| &file.path)
    }

    /// Line and column of the first byte of a span.
    pub fn position(&self, span: Span) -> Position {
        let Some(file) = self.get(span.file) else { return Position { line: 1, column: 1 } };
        let line = file.line_at(span.start);
        Position { line, column: span.start.saturating_sub(file.line_start(line) as u32) + 1 }
    }

    /// The line (from 1) in which a span ends: where nginx sees the mistake.
    pub fn end_line(&self, span: Span) -> u32 {
        let last = Span { start: span.end.saturating_sub(1).max(span.start), ..span };
        self.position(last).line
    }

    /// The place of a span's first byte as nginx writes it: `FILE:LINE`.
    pub fn place(&self, span: Span) -> String {
        format!("{}:{}", self.path(span.file).display(), self.position(span).line)
    }

    /// The bytes of a span, empty when it is not of this map.
    pub fn text(&self, span: Span) -> &[u8] {
        self.get(span.file).and_then(|file| file.bytes.get(span.start as usize..span.end as usize)).unwrap_or_default()
    }
}
