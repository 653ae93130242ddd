//! Letting a request wait.

use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use rkeep_parsers::table::value::Level;

use super::request::{RequestCtx, Status};

/// Waits.
///
/// # Errors
/// 499 when the client leaves meanwhile.
pub async fn pause(cx: &mut RequestCtx, wait: Duration) -> Result<(), Status> {
    let until = Instant::now() + wait;
    let conn = cx.conn.clone();
    // Of a subrequest the one that asked watches the client.
    let watched = !cx.is_subrequest();
    let stays = poll_fn(|task| {
        if watched && conn.poll_gone(task).is_ready() {
            return Poll::Ready(false);
        }
        conn.poll_deadline(until, task).map(|_| true)
    });
    if stays.await {
        return Ok(());
    }
    cx.error(Level::Info, format_args!("client prematurely closed connection"));
    cx.keepalive = false;
    Err(Status(499))
}
