//! Subrequests: the same machinery run again for another URI on behalf of a request. The answer goes into the body of
//! the one that asked ([`child`]), is kept ([`fetch`]), or only its head counts ([`ask`]); or nobody waits for it
//! ([`detach`]).

mod child;
mod context;
mod pipe;

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

pub use child::{Child, behind, detach, log};
pub use context::{Ask, make, twin};
pub use pipe::Writer;

use super::phases::{self, End, Step};
use super::request::{RequestCtx, Status};

/// Takes a subrequest through its phases: its head is in its context then.
pub fn run(child: &mut RequestCtx) -> Pin<Box<dyn Future<Output = End> + '_>> {
    // In a box, for phases make subrequests in their turn.
    Box::pin(phases::run(child, Step::ServerRewrite))
}

/// Runs a subrequest of which only the head is wanted, and gives its context back.
///
/// # Errors
/// 500 for one too many, 499 when the client leaves.
pub async fn ask(cx: &mut RequestCtx, ask: Ask) -> Result<Box<RequestCtx>, Status> {
    let mut child = make(cx, ask).ok_or(Status(500))?;
    let end = unless_gone(cx, run(&mut child)).await?;
    match end {
        End::Answer(prepared) => prepared.body.abandon(&mut child),
        End::Silent(status) => child.out.status = status,
    }
    log(&mut child);
    Ok(child)
}

/// Waits for `work` as long as the client is there.
///
/// # Errors
/// 499 when it has left.
pub async fn unless_gone<T>(cx: &RequestCtx, work: impl Future<Output = T>) -> Result<T, Status> {
    let mut work = pin!(work);
    let watched = !cx.is_subrequest() && !cx.conf().proxy.ignore_client_abort;
    poll_fn(|task| {
        if let Poll::Ready(done) = work.as_mut().poll(task) {
            return Poll::Ready(Ok(done));
        }
        match watched && cx.conn.poll_gone(task).is_ready() {
            true => Poll::Ready(Err(Status(499))),
            false => Poll::Pending,
        }
    })
    .await
}
