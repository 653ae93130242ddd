//! Bodies that are put together: one's own with what subrequests answer, before, after and in between.

use std::future::Future;
use std::pin::Pin;

use rkeep_parsers::table::value::Level;

use super::filters::Prepared;
use super::filters::addition::Added;
use super::filters::edit::Edits;
use super::phases::End;
use super::request::{RequestCtx, Status};
use super::sink::{SMALL, Sink};
use super::source::{Broken, Source};
use super::ssi::Page;
use super::subrequest::{self, Ask, Child, Writer};

/// What is joined to a body.
#[derive(Debug, Default)]
pub struct Joins {
    /// `add_before_body`
    pub before: Option<Vec<u8>>,
    /// `add_after_body`
    pub after: Option<Vec<u8>>,
    /// `ssi`
    pub page: Option<Box<Page>>,
}

impl Joins {
    /// None where nothing is joined.
    pub fn new(added: Option<Added>, page: Option<Box<Page>>) -> Option<Box<Joins>> {
        if added.is_none() && page.is_none() {
            return None;
        }
        let (before, after) = added.unwrap_or_default();
        Some(Box::new(Joins { before, after, page }))
    }
}

/// Why a body came to no good end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failed {
    /// It is not complete.
    Incomplete,
    /// Nothing of it may be sent.
    Spoilt,
}

impl From<Broken> for Failed {
    fn from(_: Broken) -> Self {
        Failed::Incomplete
    }
}

impl From<Status> for Failed {
    fn from(_: Status) -> Self {
        Failed::Incomplete
    }
}

/// Where a body goes.
#[derive(Debug)]
pub struct Out<'a> {
    to: To<'a>,
    passed: u64,
}

#[derive(Debug)]
enum To<'a> {
    Client(&'a mut Sink),
    Parent(&'a Writer),
    Memory { bytes: Vec<u8>, limit: usize },
}

impl<'a> Out<'a> {
    /// To the client.
    pub fn client(sink: &'a mut Sink) -> Self {
        Out { to: To::Client(sink), passed: 0 }
    }

    /// To the request that asked.
    pub fn parent(writer: &'a Writer) -> Self {
        Out { to: To::Parent(writer), passed: 0 }
    }

    /// Kept, up to so many bytes.
    pub fn memory(limit: usize) -> Self {
        Out { to: To::Memory { bytes: Vec::new(), limit }, passed: 0 }
    }

    /// How many bytes have gone this way.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// Passes bytes on.
    ///
    /// # Errors
    /// [`Failed`]
    pub async fn put(&mut self, data: &[u8]) -> Result<(), Failed> {
        if data.is_empty() {
            return Ok(());
        }
        self.passed += data.len() as u64;
        match &mut self.to {
            To::Parent(writer) => writer.put(data).await,
            To::Memory { bytes, limit } if bytes.len() + data.len() > *limit => return Err(Failed::Spoilt),
            To::Memory { bytes, .. } => bytes.extend_from_slice(data),
            To::Client(sink) => {
                sink.push(data).map_err(|_| Failed::Incomplete)?;
                if sink.pending() >= SMALL {
                    sink.flush().await.map_err(|_| Failed::Incomplete)?;
                }
            }
        }
        Ok(())
    }
}

/// Passes an answer's body on with all that is joined to it.
///
/// # Errors
/// [`Failed`]
pub async fn deliver(cx: &mut RequestCtx, prepared: Prepared, out: &mut Out<'_>) -> Result<(), Failed> {
    // Nothing is packed in between.
    let Prepared { body, encoder: _, mut edits, joins } = prepared;
    if cx.out.header_only {
        body.abandon(cx);
        return Ok(());
    }
    let Joins { before, after, mut page } = joins.map(|joins| *joins).unwrap_or_default();
    if let Some(uri) = before {
        include(cx, uri, out).await?;
    }
    let mut source = Source::new(body);
    let mut piece = Vec::new();
    loop {
        piece.clear();
        let more = source.next(cx, &mut piece).await;
        if let Some(edits) = &mut edits {
            change(edits, &mut piece, matches!(more, Ok(false))).map_err(|_| Failed::Incomplete)?;
        }
        match &mut page {
            Some(page) => page.feed(cx, &piece, out).await?,
            None => out.put(&piece).await?,
        }
        if !more? {
            break;
        }
    }
    if let Some(page) = &mut page {
        page.finish(cx, out).await?;
    }
    match after {
        Some(uri) => include(cx, uri, out).await,
        None => Ok(()),
    }
}

/// Changes a piece of a body; after the last one all that was held back comes out.
fn change(edits: &mut Edits, piece: &mut Vec<u8>, last: bool) -> std::io::Result<()> {
    let plain = std::mem::take(piece);
    edits.edit(&plain, piece)?;
    if last { edits.finish(piece) } else { Ok(()) }
}

async fn include(cx: &mut RequestCtx, uri: Vec<u8>, out: &mut Out<'_>) -> Result<(), Failed> {
    let ask = Ask { uri, with_body: true, ..Ask::default() };
    let child = subrequest::make(cx, ask).ok_or(Failed::Incomplete)?;
    join(cx, &Child::start(child, None), out).await
}

/// Passes the body of a subrequest on.
///
/// # Errors
/// [`Failed`]
pub async fn join(cx: &RequestCtx, child: &Child, out: &mut Out<'_>) -> Result<(), Failed> {
    loop {
        match child.next(cx).await? {
            Ok(bytes) => out.put(&bytes).await?,
            Err(ended) if ended.complete => return Ok(()),
            Err(_) => return Err(Failed::Incomplete),
        }
    }
}

/// Answers a text in place of a subrequest's own body; what it includes is included.
///
/// # Errors
/// [`Failed`]
pub async fn stub(cx: &mut RequestCtx, text: Vec<u8>, out: &mut Out<'_>) -> Result<(), Failed> {
    if !cx.conf().ssi.on {
        return out.put(&text).await;
    }
    let mut page = Page::new(cx);
    page.feed(cx, &text, out).await?;
    page.finish(cx, out).await
}

/// Runs a subrequest and keeps its body: the status and the bytes.
///
/// # Errors
/// [`Failed`]
pub async fn fetch(cx: &RequestCtx, ask: Ask) -> Result<(u16, Vec<u8>), Failed> {
    let mut child = subrequest::make(cx, ask).ok_or(Failed::Incomplete)?;
    let done = subrequest::unless_gone(cx, keep(&mut child)).await?;
    subrequest::log(&mut child);
    Ok((child.out.status, done?))
}

/// In a box, for what is fetched may fetch in its turn.
fn keep(child: &mut RequestCtx) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Failed>> + '_>> {
    Box::pin(async {
        let End::Answer(prepared) = subrequest::run(child).await else { return Err(Failed::Incomplete) };
        let mut out = Out::memory(child.conf().core.subrequest_output_buffer_size.0 as usize);
        let done = deliver(child, prepared, &mut out).await;
        if done == Err(Failed::Spoilt) {
            child.error(Level::Error, format_args!("too big subrequest response: {}", out.passed()));
        }
        let To::Memory { bytes, .. } = out.to else { return Err(Failed::Incomplete) };
        done.map(|()| bytes)
    })
}
