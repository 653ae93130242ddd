//! The rest of a request that is sent while its answer comes already, by HTTP/2: calls of gRPC talk both ways.

use std::task::{Context, Poll};

use super::backend::Backend;
use super::outgoing::{Failure, Outgoing, Progress, Step};
use crate::proxy::request::RequestCtx;

/// What is still to be sent.
#[derive(Debug)]
pub struct Upload {
    outgoing: Outgoing,
    progress: Progress,
    /// What it waits for.
    step: Step,
}

impl Upload {
    /// Goes on from where the request is.
    pub fn new(outgoing: Outgoing, progress: Progress) -> Box<Upload> {
        Box::new(Upload { outgoing, progress, step: Step::Starved })
    }

    /// Sends what can be sent; says whether more is to come.
    ///
    /// # Errors
    /// The client has broken its body off.
    pub fn advance(&mut self, cx: &mut RequestCtx, backend: &Backend) -> Result<bool, ()> {
        match self.outgoing.step(cx, backend, &mut self.progress) {
            Ok(Step::Done) => Ok(false),
            Ok(step) => {
                self.step = step;
                Ok(true)
            }
            // Whoever takes no more may still answer.
            Err(Failure::Backend(_)) => Ok(false),
            Err(Failure::Client(_)) => Err(()),
        }
    }

    /// Ready when more can be sent.
    pub fn poll(&self, cx: &RequestCtx, backend: &Backend, task: &mut Context<'_>) -> Poll<()> {
        match self.step {
            Step::Starved => cx.poll_body(task),
            Step::Blocked | Step::Done => backend.stream.poll_writable(task).map(|_| ()),
        }
    }
}
