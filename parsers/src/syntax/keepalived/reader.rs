//! All lines of a configuration, in the order keepalived reads them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::define::{Definition, Definitions, condition, definition};
use super::include::{self, Include, Strict};
use super::sequence::{round, sequence};
use super::words::words;
use super::{Item, Line, Text, Trouble, cut};
use crate::source::{FileId, Loader, SourceMap, Span};
use crate::syntax::pragma;

/// What is read, and in whose name.
pub struct Source<'a> {
    /// Where files come from.
    pub loader: &'a dyn Loader,
    /// `--config-id`: the host name up to its first dot unless said.
    pub config_id: &'a str,
    /// Reads as keepalived 2.2, which cuts a long line in two and lets a line end at a NUL byte.
    pub old: bool,
}

/// How deep includes, conditions and definitions may stand in one another.
const DEEPEST: usize = 32;
/// How many files a configuration may have.
const MOST_FILES: usize = 10_000;
/// How many lines a configuration may have once all is expanded.
const MOST_LINES: usize = 200_000;

/// Reads one top file, already loaded, and all that it includes. Names under which messages show the files come back in
/// the order of their ids.
pub fn read(
    source: &Source<'_>,
    path: &Path,
    bytes: Arc<[u8]>,
    sources: &mut SourceMap,
    shown: &mut Vec<PathBuf>,
) -> Vec<Line> {
    let mut definitions = Definitions::default();
    definitions.set_plain("_HASH", b"#");
    definitions.set_plain("_BANG", b"!");
    definitions.set_plain("_INSTANCE", source.config_id.as_bytes());
    let mut reader =
        Reader { source, sources, shown, definitions, open: None, lines: Vec::new(), inside: Vec::new(), ended: false };
    reader.file(path, path.to_path_buf(), bytes, None);
    reader.lines
}

struct Reader<'a> {
    source: &'a Source<'a>,
    sources: &'a mut SourceMap,
    shown: &'a mut Vec<PathBuf>,
    definitions: Definitions,
    /// A definition whose last line has not come yet.
    open: Option<(Vec<u8>, Definition)>,
    lines: Vec<Line>,
    /// The files that include one another down to this place.
    inside: Vec<PathBuf>,
    /// Whether keepalived would have stopped reading.
    ended: bool,
}

/// Where a line stands.
#[derive(Clone, Copy)]
struct Place {
    file: FileId,
    number: u32,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, shown: PathBuf, bytes: Arc<[u8]>, included_at: Option<Span>) {
        let file = self.sources.add(path.to_path_buf(), bytes.clone(), included_at);
        self.shown.push(shown);
        self.inside.push(path.to_path_buf());
        let dir = path.parent().map(Path::to_path_buf).unwrap_or_default();
        self.definitions.set_plain("_PWD", dir.as_os_str().as_encoded_bytes());
        for (index, (start, line, too_long)) in cut::lines(&bytes).enumerate() {
            let place = Place { file, number: index as u32 + 1 };
            if self.ended {
                break;
            }
            let text = Text::of_file(file, start, line);
            let nul = line.iter().position(|byte| *byte == 0);
            match nul {
                _ if too_long && !self.source.old => {
                    self.push(place, text.whole(), Item::Trouble(Trouble::TooLong));
                }
                Some(_) if !self.source.old => self.push(place, text.whole(), Item::Trouble(Trouble::Nul)),
                Some(end) => self.physical(place, &dir, &text.slice(0..end)),
                None => self.physical(place, &dir, &text),
            }
        }
        self.inside.pop();
    }

    fn push(&mut self, place: Place, span: Span, item: Item) {
        if self.lines.len() >= MOST_LINES {
            self.ended = true;
            return;
        }
        self.lines.push(Line { file: place.file, number: place.number, span, item });
    }

    /// A line as it stands in the file.
    fn physical(&mut self, place: Place, dir: &Path, line: &Text) {
        if let Some(text) = pragma::of_line(line.bytes()) {
            let text = String::from_utf8_lossy(text).into_owned();
            return self.push(place, line.trimmed().whole(), Item::Pragma(text));
        }
        let (line, quoted) = cut::comment(line);
        if quoted {
            let shown = String::from_utf8_lossy(line.bytes()).into_owned();
            self.push(place, line.whole(), Item::Trouble(Trouble::OpenQuote(shown)));
        }
        if self.open.is_some() {
            return self.definition_line(line);
        }
        if !line.is_empty() {
            self.logical(place, dir, line, 0);
        }
    }

    /// A further line of a definition over several lines.
    fn definition_line(&mut self, line: Text) {
        let Some((name, mut definition)) = self.open.take() else { return };
        let (line, goes_on) = continued(line);
        if !line.is_empty() {
            definition.lines.push(line);
        }
        match goes_on {
            true => self.open = Some((name, definition)),
            false => self.definitions.set(&name, definition),
        }
    }

    /// A line without comment: conditions, definitions, sequences, variables, includes, then the words themselves.
    fn logical(&mut self, place: Place, dir: &Path, line: Text, depth: usize) {
        if self.ended || depth > DEEPEST {
            return;
        }
        let bytes = line.bytes();
        if let Some((holds, rest)) = condition(bytes, self.source.config_id) {
            let rest = line.slice(rest..bytes.len()).trimmed();
            if holds && !rest.is_empty() {
                self.logical(place, dir, rest, depth + 1);
            }
        } else if let Some((name, value)) = definition(bytes) {
            self.define(name, line.slice(value..bytes.len()));
        } else if let Some(found) = sequence(bytes) {
            for values in &found.rounds {
                self.logical(place, dir, round(&line, values, found.rest), depth + 1);
            }
        } else if let Some(block) = self.definitions.block(&line).cloned() {
            for part in block.lines {
                self.logical(place, dir, part, depth + 1);
            }
        } else {
            let line = self.definitions.expand(&line);
            self.expanded(place, dir, &line);
        }
    }

    fn define(&mut self, name: &[u8], value: Text) {
        let (value, goes_on) = continued(value);
        let lines = if goes_on && value.is_empty() { Vec::new() } else { vec![value] };
        match goes_on {
            true => self.open = Some((name.to_vec(), Definition { lines, block: true })),
            false => self.definitions.set(name, Definition { lines, block: false }),
        }
    }

    fn expanded(&mut self, place: Place, dir: &Path, line: &Text) {
        let (found, _) = words(line);
        if let [keyword, name, ..] = &found[..]
            && let Some(strict) = Strict::of(&keyword.text)
        {
            let pattern = name.lossy().into_owned();
            return self.include(place, dir, line.whole(), &Include { pattern: &pattern, strict });
        }
        for (text, brace) in cut::braces(line) {
            let span = text.whole();
            let item = brace.unwrap_or_else(|| {
                let (words, open_quote) = words(&text);
                Item::Words { words, raw: text, open_quote }
            });
            self.push(place, span, item);
        }
    }

    fn include(&mut self, place: Place, dir: &Path, span: Span, include: &Include<'_>) {
        let files = include::files(self.source.loader, dir, include.pattern);
        let mut read = 0;
        for (shown, path) in files {
            let Ok(bytes) = self.source.loader.load(&path) else { continue };
            read += 1;
            let again = self.inside.contains(&path);
            if again || self.inside.len() >= DEEPEST || self.shown.len() >= MOST_FILES {
                return self.push(place, span, Item::Trouble(Trouble::Limit));
            }
            self.file(&path, shown, bytes, Some(span));
        }
        self.definitions.set_plain("_PWD", dir.as_os_str().as_encoded_bytes());
        if read == 0 {
            self.nothing_included(place, dir, span, include);
        }
    }

    fn nothing_included(&mut self, place: Place, dir: &Path, span: Span, include: &Include<'_>) {
        let pattern = include::is_pattern(include.pattern);
        let fatal = if pattern { include.strict.pattern } else { include.strict.file };
        let has_dir = include::has_dir(self.source.loader, dir, include.pattern);
        if pattern && !fatal && has_dir {
            return;
        }
        let name = include.pattern.to_owned();
        self.push(place, span, Item::Trouble(Trouble::NoFile { name, pattern: pattern && has_dir, fatal }));
        self.ended |= fatal;
    }
}

/// A line of a definition without the `\` at its end, and whether there was one.
fn continued(line: Text) -> (Text, bool) {
    match line.bytes().last() {
        Some(b'\\') => (line.slice(0..line.bytes().len() - 1).trimmed(), true),
        _ => (line, false),
    }
}
