//! A body that is taken piece by piece, where something is done with it on its way.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use rkeep_parsers::table::value::Level;

use super::body::Body;
use super::io::Lease;
use super::request::RequestCtx;
use super::upstream::AnswerStream;

/// A body's pieces.
#[derive(Debug)]
pub enum Source {
    /// Parts that are here, the last first.
    Here(Vec<Body>),
    /// From a backend.
    Upstream(Box<AnswerStream>),
}

/// The body ended too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl Source {
    /// The pieces of a body.
    pub fn new(body: Body) -> Source {
        match body {
            Body::Upstream(stream) => Source::Upstream(stream),
            Body::Parts(mut parts) => {
                parts.reverse();
                Source::Here(parts)
            }
            // It is lent only until something is waited for.
            Body::Received(body) => Source::Here(vec![Body::Memory(Bytes::copy_from_slice(body.bytes()))]),
            body => Source::Here(vec![body]),
        }
    }

    /// Appends the next piece to `out`; false at the end.
    ///
    /// # Errors
    /// [`Broken`]
    pub async fn next(&mut self, cx: &mut RequestCtx, out: &mut Vec<u8>) -> Result<bool, Broken> {
        match self {
            Source::Upstream(stream) => stream.next(cx, out).await,
            Source::Here(parts) => match parts.pop() {
                None => Ok(false),
                Some(Body::File { file, offset, len }) => {
                    let taken = read(cx, &file, offset, len, out)?;
                    if taken < len {
                        parts.push(Body::File { file, offset: offset + taken, len: len - taken });
                    }
                    Ok(true)
                }
                Some(Body::Memory(bytes)) => {
                    out.extend_from_slice(&bytes);
                    Ok(true)
                }
                Some(_) => Ok(true),
            },
        }
    }
}

/// Reads some of a file; says how much.
fn read(cx: &RequestCtx, file: &Arc<File>, offset: u64, len: u64, out: &mut Vec<u8>) -> Result<u64, Broken> {
    let mut lease = Lease::take();
    let want = usize::try_from(len).unwrap_or(usize::MAX).min(lease.len());
    let got = file.read_at(lease.get_mut(..want).unwrap_or_default(), offset).unwrap_or(0);
    if got == 0 && len > 0 {
        cx.error(Level::Alert, format_args!("a file was truncated while it was being sent"));
        return Err(Broken);
    }
    out.extend_from_slice(lease.get(..got).unwrap_or_default());
    Ok(got as u64)
}
