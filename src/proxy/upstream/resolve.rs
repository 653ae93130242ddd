//! The addresses of a host that only the request names.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use rkeep_parsers::table::value::Level;

use super::backend::{Client, Interrupted, poll_interrupt};
use super::receive::{Failed, interrupted};
use crate::proxy::request::{RequestCtx, Status};
use crate::proxy::resolver::Resolver;
use crate::proxy::resolver::gather::Failure;

/// Resolves a name by the location's `resolver`, within `resolver_timeout`.
///
/// # Errors
/// 502 where it has no address, 499 when the client leaves.
pub async fn resolve(cx: &mut RequestCtx, name: &str) -> Result<Vec<IpAddr>, Status> {
    let Some(resolver) = cx.location.resolver.clone() else {
        cx.error(Level::Error, format_args!("no resolver defined to resolve {name}"));
        return Err(Status(502));
    };
    match within_time(cx, &resolver, name).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(failure)) => {
            let (code, text) = (failure.0, failure.text());
            cx.error(Level::Error, format_args!("{name} could not be resolved ({code}: {text})"));
            Err(Status(502))
        }
        Err(why) => match interrupted(cx, why) {
            Failed::Request(status) => Err(status),
            Failed::Try(_) => Err(Status(502)),
        },
    }
}

async fn within_time(
    cx: &RequestCtx,
    resolver: &Arc<Resolver>,
    name: &str,
) -> Result<Result<Vec<IpAddr>, Failure>, Interrupted> {
    let deadline = Instant::now() + cx.conf().core.resolver_timeout.duration();
    let watch = if cx.conf().proxy.ignore_client_abort { Client::Ignored } else { Client::Watched };
    let mut found = std::pin::pin!(resolver.resolve(name));
    poll_fn(|task| {
        if let Poll::Ready(found) = found.as_mut().poll(task) {
            return Poll::Ready(Ok(found));
        }
        match poll_interrupt(&cx.conn, deadline, watch, task) {
            Poll::Ready(Interrupted::Timeout) => Poll::Ready(Ok(Err(Failure::TIMED_OUT))),
            Poll::Ready(why) => Poll::Ready(Err(why)),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
