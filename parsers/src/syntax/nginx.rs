//! nginx's language: words, `;`, `{`, `}`, comments. One file at a time; [`super::include`] puts files together.
//!
//! The rules are those nginx itself follows, odd ones included: `\` takes the next byte along in any word, `${`
//! opens no block, a `#` begins a comment only where a word could begin, and after a quoted word only space, `;`, `{`
//! or `)` may follow.

use nom::branch::alt;
use nom::bytes::complete::{is_a, take_till};
use nom::combinator::{map, value};
use nom::multi::many0_count;
use nom::{IResult, Parser};

use super::tree::{Block, Broken, Directive, Quote, Word, WordText};
use crate::source::{FileId, Span};

/// nginx reads through a buffer of so many bytes: no word and no comment may be longer.
const BUFFER: usize = 4096;

/// Blocks nested deeper than this are refused: nginx would run out of stack.
const MAX_DEPTH: usize = 200;

/// Where text comes from, which decides how its end is complained about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file.
    File,
    /// The `-g` option: no blocks, and each directive ends with `;`.
    CommandLine,
}

/// Reads one file. What cannot be read is in [`Block::broken`], at its place among the directives.
pub fn parse(file: FileId, text: &[u8], origin: Origin) -> Block {
    let (words, items, open) = (Vec::new(), Vec::new(), Vec::new());
    Parse { file, text, at: 0, origin, words, items, first: 0, open, ended: false }.block(0)
}

struct Parse<'a> {
    file: FileId,
    text: &'a [u8],
    at: usize,
    origin: Origin,
    /// Words of the directive that is being read. Large files have many directives, so each gets no more room than it
    /// needs once it is known how many words it has; so do blocks.
    words: Vec<Word>,
    /// Directives of the blocks that are open here.
    items: Vec<Directive>,
    /// Where those of the innermost begin.
    first: usize,
    /// Heads of the blocks that are open here.
    open: Vec<Span>,
    /// The end of the file has been complained about.
    ended: bool,
}

/// A directive without what follows its words.
struct Head {
    name: Word,
    args: Box<[Word]>,
}

/// What ends the words of a directive.
enum Stop {
    Semicolon,
    Open,
    Close,
    End,
}

/// A fault in the text after which nothing can be made sense of: nginx's words and the place.
struct Unreadable {
    message: String,
    span: Span,
    end: Span,
}

impl Parse<'_> {
    /// Directives up to the `}` of the block, which is taken, or the end of the file.
    fn block(&mut self, depth: usize) -> Block {
        let outer = std::mem::replace(&mut self.first, self.items.len());
        let block = self.inside(depth);
        let items = self.items.drain(self.first..).collect();
        self.first = outer;
        Block { items, ..block }
    }

    /// The same with its directives not yet in it.
    fn inside(&mut self, depth: usize) -> Block {
        let mut block = Block { close: self.span(self.text.len(), self.text.len()), ..Block::default() };
        loop {
            let start = self.at;
            let stop = self.words();
            let head = self.head();
            let here = self.span(self.at.saturating_sub(1), self.at);
            match (stop, head) {
                (Err(fault), _) => {
                    self.broken(&mut block, fault.message, fault.span, fault.end);
                    self.at = self.text.len();
                    self.ended = true;
                    return block;
                }
                (Ok(Stop::Semicolon), None) => self.note(&mut block, "unexpected \";\"", here),
                (Ok(Stop::Open), None) => {
                    self.note(&mut block, "unexpected \"{\"", here);
                    self.nested(depth, here, here);
                }
                (Ok(Stop::Close), None) if depth > 0 => {
                    block.close = here;
                    return block;
                }
                (Ok(Stop::Close), None) => self.note(&mut block, "unexpected \"}\"", here),
                (Ok(Stop::Close), Some(head)) => {
                    self.note(&mut block, "unexpected \"}\"", here);
                    self.push(head, None, here);
                    if depth > 0 {
                        block.close = here;
                        return block;
                    }
                }
                (Ok(Stop::End), head) => {
                    self.at_end(&mut block, depth, head.is_none(), start);
                    return block;
                }
                (Ok(Stop::Semicolon), Some(head)) => self.push(head, None, here),
                (Ok(Stop::Open), Some(head)) => {
                    if self.origin == Origin::CommandLine {
                        self.note(&mut block, "block directives are not supported in -g option", here);
                    }
                    let inner = self.nested(depth, head.name.span.to(here), here);
                    self.push(head, Some(inner), here);
                }
            }
        }
    }

    fn nested(&mut self, depth: usize, head: Span, open: Span) -> Block {
        if depth >= MAX_DEPTH {
            let mut block = Block { open, close: open, ..Block::default() };
            self.note(&mut block, "too many nested blocks", open);
            self.at = self.text.len();
            return block;
        }
        self.open.push(head);
        let block = self.block(depth + 1);
        self.open.pop();
        Block { open, ..block }
    }

    /// The end of the text; `empty` when no directive is being read, one that began at `start` otherwise.
    fn at_end(&mut self, block: &mut Block, depth: usize, empty: bool, start: usize) {
        let end = self.span(self.text.len(), self.text.len());
        let unfinished = Span { start: self.skipped(start) as u32, ..end };
        let innermost = self.open.last().copied().unwrap_or(end);
        let (message, span) = match (self.origin, empty, depth) {
            _ if self.ended => return,
            (_, true, 0) => return,
            (Origin::CommandLine, false, _) => ("unexpected end of parameter, expecting \";\"", unfinished),
            (Origin::File, false, _) => ("unexpected end of file, expecting \";\" or \"}\"", unfinished),
            (_, true, 1..) => ("unexpected end of file, expecting \"}\"", innermost),
        };
        self.ended = true;
        self.broken(block, message, span, end);
    }

    fn note(&self, block: &mut Block, message: impl Into<String>, span: Span) {
        self.broken(block, message, span, span);
    }

    fn broken(&self, block: &mut Block, message: impl Into<String>, span: Span, end: Span) {
        let open = match end.start == end.end {
            true => self.open.iter().rev().copied().collect(),
            false => Vec::new(),
        };
        block.broken.push(Broken {
            before: self.items.len() - self.first,
            message: message.into(),
            errno: None,
            span,
            end,
            open,
        });
    }

    fn push(&mut self, Head { name, args }: Head, inner: Option<Block>, end: Span) {
        let last = inner.as_ref().map_or(end, |inner| inner.close);
        let span = name.span.to(last);
        self.items.push(Directive { name, args, block: inner.map(Box::new), span, end });
    }

    /// What the words that have been read begin; none where there are none.
    fn head(&mut self) -> Option<Head> {
        let mut words = self.words.drain(..);
        Some(Head { name: words.next()?, args: words.collect() })
    }

    /// Reads words up to a terminator, which is taken.
    fn words(&mut self) -> Result<Stop, Unreadable> {
        loop {
            self.at = self.skip_space()?;
            let Some(&byte) = self.text.get(self.at) else { return Ok(Stop::End) };
            let stop = match byte {
                b';' => Stop::Semicolon,
                b'{' => Stop::Open,
                b'}' => Stop::Close,
                _ => {
                    match self.word()? {
                        Some(word) => self.words.push(word),
                        None => return Err(self.unfinished()),
                    }
                    continue;
                }
            };
            self.at += 1;
            return Ok(stop);
        }
    }

    /// The position after spaces and comments.
    fn skip_space(&self) -> Result<usize, Unreadable> {
        let rest = self.rest();
        let long = |line: &&[u8]| line.len() >= BUFFER;
        let after = self.skipped(self.at);
        let skipped = rest.get(..after - self.at).unwrap_or_default();
        let comment = skipped.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_start).find(long);
        match comment {
            Some(line) => Err(self.too_long(self.at, line, None)),
            None => Ok(after),
        }
    }

    fn skipped(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.len() - skip(rest).map_or(rest.len(), |(rest, _)| rest.len())
    }

    /// The word that begins here; none when the file ends within it.
    fn word(&mut self) -> Result<Option<Word>, Unreadable> {
        let (start, rest) = (self.at, self.rest());
        let (quote, skip) = match rest.first() {
            Some(b'"') => (Quote::Double, 1),
            Some(b'\'') => (Quote::Single, 1),
            _ => (Quote::None, 0),
        };
        let body = rest.get(skip..).unwrap_or_default();
        let length = match quote {
            Quote::None => bare_length(body),
            Quote::Double => quoted_length(body, b'"'),
            Quote::Single => quoted_length(body, b'\''),
        };
        if length.unwrap_or(body.len()) >= BUFFER {
            return Err(self.too_long(start, body, Some(quote)));
        }
        let Some(length) = length else { return Ok(None) };
        let text = unescape(body.get(..length).unwrap_or_default());
        self.at = start + length + 2 * skip;
        let word = Word { text, span: self.span(start, self.at), quote };
        match (quote, self.text.get(self.at)) {
            (Quote::Single | Quote::Double, Some(&next)) if !follows_quote(next) => {
                self.at += 1;
                let span = self.span(self.at - 1, self.at);
                Err(Unreadable { message: format!("unexpected \"{}\"", char::from(next)), span, end: span })
            }
            _ => Ok(Some(word)),
        }
    }

    fn too_long(&self, start: usize, text: &[u8], quote: Option<Quote>) -> Unreadable {
        let message = match quote {
            Some(Quote::Double) => "too long parameter, probably missing terminating \"\"\" character".to_owned(),
            Some(Quote::Single) => "too long parameter, probably missing terminating \"'\" character".to_owned(),
            _ => {
                let head = String::from_utf8_lossy(text.get(..10).unwrap_or(text)).into_owned();
                format!("too long parameter \"{head}...\" started")
            }
        };
        let span = self.span(start, start + 1);
        Unreadable { message, span, end: span }
    }

    fn unfinished(&self) -> Unreadable {
        let message = match self.origin {
            Origin::File => "unexpected end of file, expecting \";\" or \"}\"",
            Origin::CommandLine => "unexpected end of parameter, expecting \";\"",
        };
        let end = self.text.len();
        Unreadable { message: message.to_owned(), span: self.span(self.at, end), end: self.span(end, end) }
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span { file: self.file, start: start as u32, end: end as u32 }
    }
}

/// Spaces and comments.
fn skip(text: &[u8]) -> IResult<&[u8], ()> {
    let space = value((), is_a(" \t\r\n"));
    let comment = map((nom::bytes::complete::tag("#"), take_till(|byte| byte == b'\n')), |_| ());
    value((), many0_count(alt((space, comment)))).parse(text)
}

fn follows_quote(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b')')
}

/// The length of a quoted word up to its closing quote.
fn quoted_length(text: &[u8], quote: u8) -> Option<usize> {
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            byte if *byte == quote => return Some(at),
            _ => at += 1,
        }
    }
}

/// The length of a bare word up to a space, `;` or a `{` that does not belong to `${`.
fn bare_length(text: &[u8]) -> Option<usize> {
    let (mut at, mut variable) = (0, false);
    loop {
        match text.get(at)? {
            b'{' if variable => at += 1,
            b'\\' => (at, variable) = (at + 2, false),
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' => return Some(at),
            byte => (at, variable) = (at + 1, *byte == b'$'),
        }
    }
}

/// Takes the escapes nginx knows out of a word; others stay as they are.
fn unescape(raw: &[u8]) -> WordText {
    if memchr::memchr(b'\\', raw).is_none() {
        return WordText::from_slice(raw);
    }
    let mut text = WordText::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = match (byte, bytes.peek()) {
            (b'\\', Some(b'"' | b'\'' | b'\\')) => bytes.next(),
            (b'\\', Some(b't')) => bytes.next().map(|_| b'\t'),
            (b'\\', Some(b'r')) => bytes.next().map(|_| b'\r'),
            (b'\\', Some(b'n')) => bytes.next().map(|_| b'\n'),
            _ => None,
        };
        text.push(escaped.unwrap_or(byte));
    }
    text
}
