//! `stub_status`: the engine's counters as nginx shows them.

use bytes::Bytes;

use crate::proxy::body::Body;
use crate::proxy::request::{Answer, RequestCtx, Status};

/// Answers with the counters.
///
/// # Errors
/// 405 for methods that do not read.
pub fn answer(cx: &mut RequestCtx) -> Result<Answer, Status> {
    if cx.method != b"GET" && cx.method != b"HEAD" {
        return Err(Status(405));
    }
    cx.body_discard()?;
    let stats = cx.snapshot.stats.read();
    let text = format!(
        "Active connections: {} \nserver accepts handled requests\n {} {} {} \nReading: {} Writing: {} Waiting: {} \n",
        stats.active, stats.accepted, stats.handled, stats.requests, stats.reading, stats.writing, stats.waiting
    );
    cx.out.status = 200;
    cx.out.content_type.extend_from_slice(b"text/plain");
    cx.out.charset_open = true;
    cx.out.content_length = Some(text.len() as u64);
    Ok(Answer::Body(Body::Memory(Bytes::from(text))))
}
