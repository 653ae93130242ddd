//! Bodies: where an answer's comes from, and how a client's is read, whole or as it arrives.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::http::chunked::Decoder;
use super::request::RequestCtx;
use super::upstream::{AnswerStream, Rest};

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// None, or a length of zero.
    Empty,
    /// In memory.
    Memory(Bytes),
    /// A part of a file.
    File {
        /// The open file.
        file: Arc<File>,
        /// Where it begins.
        offset: u64,
        /// How much.
        len: u64,
    },
    /// Pieces one after another: a multipart answer.
    Parts(Vec<Body>),
    /// What a backend sent with the head: all of it.
    Received(Rest),
    /// What a backend sends.
    Upstream(Box<AnswerStream>),
}

impl Body {
    /// Ends it unread.
    pub fn abandon(self, cx: &mut RequestCtx) {
        if let Body::Upstream(stream) = self {
            stream.abandon(cx);
        }
    }

    /// Takes it only for what it is kept in.
    pub async fn drain(self, cx: &mut RequestCtx) {
        if let Body::Upstream(mut stream) = self {
            stream.drain(cx).await;
        }
    }
}

/// How the end of a client's body is known.
#[derive(Debug, Default)]
pub enum Framing {
    /// There is no body.
    #[default]
    None,
    /// `Content-Length`: bytes still to come.
    Length(u64),
    /// Chunked.
    Chunked(Decoder),
    /// Until its stream of HTTP/2 ends.
    Whole,
}

/// Where a client's body is.
#[derive(Clone, Debug, Default)]
pub enum Stored {
    /// Not read (yet), or being streamed.
    #[default]
    Nowhere,
    /// Read whole to memory.
    Memory(Vec<u8>),
    /// Read whole to a file.
    File {
        /// The file, open for reading; positioned reads only.
        file: Arc<File>,
        /// Bytes in it.
        len: u64,
        /// Its path, where it is kept by `client_body_in_file_only`.
        path: PathBuf,
    },
}

impl Stored {
    /// Bytes of the body.
    pub fn len(&self) -> u64 {
        match self {
            Stored::Nowhere => 0,
            Stored::Memory(bytes) => bytes.len() as u64,
            Stored::File { len, .. } => *len,
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A client's body.
#[derive(Debug, Default)]
pub struct ClientBody {
    /// How much is still to be read.
    pub framing: Framing,
    /// `Content-Length` as the client sent it; none for chunked bodies and none.
    pub content_length: Option<u64>,
    /// What has been read whole.
    pub stored: Stored,
    /// Bytes of body handed out or stored.
    pub received: u64,
    /// Bytes read for the body from the socket, framing included, for `$request_length`.
    pub wire: u64,
    /// The end has been reached.
    pub done: bool,
    /// The client waits for `100 Continue`.
    pub expects_continue: bool,
    /// The client has left in the middle of it: it is not answered.
    pub gone: bool,
    /// It is not to be kept in a file: `proxy_request_buffering off`.
    pub unbuffered: bool,
    /// It is read only to get to what follows.
    pub unwanted: bool,
    /// Reading failed or must not go on: the connection cannot be used again.
    pub broken: bool,
}

impl ClientBody {
    /// Whether the client sends a body of any length.
    pub fn present(&self) -> bool {
        matches!(self.framing, Framing::Chunked(_) | Framing::Whole)
            || self.content_length.is_some_and(|length| length > 0)
    }

    /// Whether its length is not known before it ends.
    pub fn chunked(&self) -> bool {
        match self.framing {
            Framing::Chunked(_) => true,
            Framing::Whole => self.content_length.is_none(),
            Framing::None | Framing::Length(_) => false,
        }
    }
}

/// What one look at a streamed body gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// So many bytes were appended.
    Data(usize),
    /// Nothing is there now: wait with [`super::request::RequestCtx::poll_body`].
    Pending,
    /// The body has ended.
    End,
}
