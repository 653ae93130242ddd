//! What one client sends on one connection, and what the backend does with what comes of it.

use std::fmt;

use super::text::{escaped, shortened};

/// A piece that goes or stays as a whole when a case is made smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// Sent.
    Bytes(Vec<u8>),
    /// What was written before is sent first; a moment passes.
    Pause,
}

impl Token {
    /// Of text.
    pub fn text(text: impl Into<String>) -> Token {
        Token::Bytes(text.into().into_bytes())
    }
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It stays.
    Keep,
    /// It is closed.
    Close,
    /// It is cut.
    Reset,
}

/// What the backend answers to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its bytes.
    pub tokens: Vec<Token>,
    /// What follows them.
    pub end: End,
}

/// One conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What the client sends.
    pub client: Vec<Token>,
    /// What the backend answers, request by request.
    pub replies: Vec<Reply>,
}

/// What is sent at once each time.
pub fn segments(tokens: &[Token]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let bytes = |token: &Token| match token {
        Token::Bytes(bytes) => bytes.clone(),
        Token::Pause => Vec::new(),
    };
    tokens.split(|token| *token == Token::Pause).map(move |part| part.iter().flat_map(bytes).collect())
}

fn show(f: &mut fmt::Formatter<'_>, tokens: &[Token]) -> fmt::Result {
    for token in tokens {
        match token {
            Token::Bytes(bytes) => writeln!(f, "    {}", shortened(&escaped(bytes)))?,
            Token::Pause => writeln!(f, "    (a moment)")?,
        }
    }
    Ok(())
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  client:")?;
        show(f, &self.client)?;
        for reply in &self.replies {
            writeln!(f, "  backend:")?;
            show(f, &reply.tokens)?;
            writeln!(f, "    ({:?})", reply.end)?;
        }
        Ok(())
    }
}
