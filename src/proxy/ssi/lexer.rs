//! A page cut into text and commands, `<!--#name param="value" -->`, however its bytes come. Pure.

use memchr::memmem;

const OPEN: &[u8] = b"<!--#";
const CLOSE: &[u8] = b"-->";
/// The longest name of a command or a parameter.
const LONGEST_NAME: usize = 32;
/// The most parameters of a command.
const MOST_PARAMS: usize = 4;

/// A piece of a page.
#[derive(Debug, PartialEq, Eq)]
pub enum Token {
    /// As it stands.
    Text(Vec<u8>),
    /// A command, and how it is written.
    Command(Command, Vec<u8>),
    /// Something that begins like a command and is none.
    Invalid(Vec<u8>),
}

/// A command.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: Vec<u8>,
    /// Names and values of its parameters.
    pub params: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What has come and is not cut yet.
#[derive(Debug)]
pub struct Lexer {
    bytes: Vec<u8>,
    at: usize,
    longest_value: usize,
}

impl Lexer {
    /// For values up to a length.
    pub fn new(longest_value: usize) -> Self {
        Lexer { bytes: Vec::new(), at: 0, longest_value }
    }

    /// Takes bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next piece, if it has come whole.
    pub fn next(&mut self) -> Option<Token> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let text = match memmem::find(rest, OPEN) {
            Some(0) => return self.command(),
            Some(at) => at,
            None => rest.len() - partial(rest),
        };
        if text == 0 {
            return None;
        }
        let text = rest.get(..text).unwrap_or_default().to_vec();
        self.at += text.len();
        Some(Token::Text(text))
    }

    /// What is left at the end of the page: the beginning of something that never came is only text.
    pub fn rest(&mut self) -> Vec<u8> {
        let rest = self.bytes.split_off(self.at);
        (self.bytes, self.at) = (Vec::new(), 0);
        if rest.starts_with(OPEN) { Vec::new() } else { rest }
    }

    fn command(&mut self) -> Option<Token> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let mut scan = Scan { bytes: rest, at: OPEN.len(), longest_value: self.longest_value };
        let (token, len) = match scan.command() {
            Err(Stop::Incomplete) => return None,
            Ok(command) => (Token::Command(command, scan.passed()), scan.at),
            Err(Stop::Invalid) => {
                let close = memmem::find(rest.get(scan.at..).unwrap_or_default(), CLOSE)?;
                scan.at += close + CLOSE.len();
                (Token::Invalid(scan.passed()), scan.at)
            }
        };
        self.at += len;
        Some(token)
    }
}

/// How many bytes at the end may be the beginning of a command.
fn partial(text: &[u8]) -> usize {
    (1..OPEN.len()).rev().find(|&len| OPEN.get(..len).is_some_and(|begin| text.ends_with(begin))).unwrap_or(0)
}

/// Why a command cannot be read.
enum Stop {
    Incomplete,
    Invalid,
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    longest_value: usize,
}

impl Scan<'_> {
    fn passed(&self) -> Vec<u8> {
        self.bytes.get(..self.at).unwrap_or_default().to_vec()
    }

    fn peek(&self) -> Result<u8, Stop> {
        self.bytes.get(self.at).copied().ok_or(Stop::Incomplete)
    }

    fn skip_space(&mut self) -> Result<(), Stop> {
        while matches!(self.peek()?, b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
        Ok(())
    }

    fn command(&mut self) -> Result<Command, Stop> {
        self.skip_space()?;
        let mut command = Command { name: self.word()?, params: Vec::new() };
        loop {
            self.skip_space()?;
            if self.peek()? == b'-' {
                self.close()?;
                return Ok(command);
            }
            if command.params.len() == MOST_PARAMS {
                return Err(Stop::Invalid);
            }
            let name = self.word()?;
            command.params.push((name, self.value()?));
        }
    }

    /// A name, up to what cannot be in one.
    fn word(&mut self) -> Result<Vec<u8>, Stop> {
        let start = self.at;
        while !matches!(self.peek()?, b' ' | b'\t' | b'\r' | b'\n' | b'-' | b'=' | b'"' | b'\'') {
            self.at += 1;
        }
        let word = self.bytes.get(start..self.at).unwrap_or_default();
        match word.len() {
            1..=LONGEST_NAME => Ok(word.to_vec()),
            _ => Err(Stop::Invalid),
        }
    }

    fn close(&mut self) -> Result<(), Stop> {
        for &byte in CLOSE {
            if self.peek()? != byte {
                return Err(Stop::Invalid);
            }
            self.at += 1;
        }
        Ok(())
    }

    /// `= "value"`; a backslash keeps what follows from ending it, and stays.
    fn value(&mut self) -> Result<Vec<u8>, Stop> {
        self.skip_space()?;
        if self.peek()? != b'=' {
            return Err(Stop::Invalid);
        }
        self.at += 1;
        self.skip_space()?;
        let quote = self.peek()?;
        if !matches!(quote, b'"' | b'\'') {
            return Err(Stop::Invalid);
        }
        self.at += 1;
        let mut value = Vec::new();
        loop {
            let byte = self.peek()?;
            self.at += 1;
            if byte == quote {
                return Ok(value);
            }
            value.push(byte);
            if byte == b'\\' {
                value.push(self.peek()?);
                self.at += 1;
            }
            if value.len() > self.longest_value {
                return Err(Stop::Invalid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lex(pieces: &[&[u8]]) -> Vec<Token> {
        let mut lexer = Lexer::new(256);
        let mut tokens = Vec::new();
        for piece in pieces {
            lexer.feed(piece);
            tokens.extend(std::iter::from_fn(|| lexer.next()));
        }
        let rest = lexer.rest();
        if !rest.is_empty() {
            tokens.push(Token::Text(rest));
        }
        tokens
    }

    fn shown(tokens: &[Token]) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let one = |token: &Token| match token {
            Token::Text(bytes) => text(bytes),
            Token::Command(command, _) => {
                let params: Vec<_> =
                    command.params.iter().map(|(name, value)| format!(" {}:{}", text(name), text(value))).collect();
                format!("[{}{}]", text(&command.name), params.concat())
            }
            Token::Invalid(_) => "[!]".to_owned(),
        };
        tokens.iter().map(one).collect()
    }

    #[test]
    fn commands() {
        for (page, expected) in [
            ("a<!--#echo var=\"x\" -->b", "a[echo var:x]b"),
            ("<!--# include virtual='/a\"b' wait = \"yes\"-->", "[include virtual:/a\"b wait:yes]"),
            ("<!--#else-->", "[else]"),
            ("<!--#set var=\"a\" value=\"q\\\"q\" -->", "[set var:a value:q\\\"q]"),
            ("<!--#echo var=x -->b", "[!]b"),
            ("<!--#echo var=\"x\" ->b-->c", "[!]c"),
            ("<!-- comment --><!--", "<!-- comment --><!--"),
            ("x<!--#echo var=\"never ends", "x"),
        ] {
            assert_eq!(shown(&lex(&[page.as_bytes()])), expected, "{page}");
            let bytes: Vec<&[u8]> = page.as_bytes().chunks(1).collect();
            assert_eq!(shown(&lex(&bytes)), expected, "{page}, byte by byte");
        }
    }

    #[test]
    fn limits() {
        let long = format!("<!--#echo var=\"{}\" -->", "x".repeat(300));
        assert_eq!(shown(&lex(&[long.as_bytes()])), "[!]");
    }
}
