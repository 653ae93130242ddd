//! What answers go through between their handler and the socket, in nginx's order: conditions, added fields and bodies,
//! charset, includes, gzip, ranges, chunks, and the head itself.

pub mod addition;
pub mod charset;
pub mod chunked;
pub mod edit;
pub mod gunzip;
pub mod gzip;
pub mod gzip_ok;
pub mod head;
pub mod headers;
pub mod not_modified;
pub mod range;
pub mod recode;
pub mod sub;

use rkeep_parsers::table::value::MediaTypes;

use super::body::Body;
use super::compose::Joins;
use super::request::{RequestCtx, Status};
use super::response::ResponseHead;
use super::ssi;
use super::userid;
use edit::Edits;
use gzip::Encoder;

/// An answer ready to be sent.
#[derive(Debug)]
pub struct Prepared {
    /// The body.
    pub body: Body,
    /// Compresses it on its way.
    pub encoder: Option<Box<Encoder>>,
    /// Changes it before that.
    pub edits: Option<Box<Edits>>,
    /// What subrequests add to it in between.
    pub joins: Option<Box<Joins>>,
}

/// Runs the filters over the head in `cx.out` and its body.
///
/// # Errors
/// 412 or 416: another answer is due.
pub fn prepare(cx: &mut RequestCtx, body: Body) -> Result<Prepared, Status> {
    if cx.error_status != 0 {
        cx.out.status = cx.error_status;
        cx.out.status_line = None;
    }
    if cx.is_subrequest() {
        let edits = edit::filter(cx);
        let page = ssi::filter(cx);
        return Ok(Prepared { body, encoder: None, edits, joins: Joins::new(None, page) });
    }
    not_modified::filter(cx)?;
    headers::filter(cx);
    userid::filter(cx);
    let added = addition::filter(cx);
    let edits = edit::filter(cx);
    let page = ssi::filter(cx);
    let encoder = gzip_ok::filter(cx);
    let body = range::filter(cx, body)?;
    chunked::filter(cx);
    Ok(Prepared { body, encoder, edits, joins: Joins::new(added, page) })
}

/// Whether a set of media types has the answer's.
pub fn has_type(types: &MediaTypes, out: &ResponseHead) -> bool {
    if types.all {
        return true;
    }
    let name = out.content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    !name.is_empty() && types.types.iter().any(|have| have.as_bytes().eq_ignore_ascii_case(name))
}
