//! Subrequests that run beside the one that asked.

use std::future::poll_fn;
use std::rc::Rc;

use tokio::task::{AbortHandle, spawn_local};

use super::pipe::{Ended, Reader, Writer, pipe};
use super::{run, unless_gone};
use crate::proxy::clock;
use crate::proxy::compose::{self, Out};
use crate::proxy::phases::End;
use crate::proxy::request::{RequestCtx, Status};
use crate::proxy::thread::Thread;

/// A subrequest at work, whose body is read when its turn comes. It ends with its reader.
#[derive(Debug)]
pub struct Child {
    body: Reader,
    task: AbortHandle,
}

impl Child {
    /// Sets a subrequest to work. `stub` is answered in place of nothing.
    pub fn start(mut cx: Box<RequestCtx>, stub: Option<Vec<u8>>) -> Child {
        let (writer, body) = pipe();
        let work = async move {
            let ended = answer(&mut cx, &writer, stub).await;
            log(&mut cx);
            writer.end(ended);
        };
        Child { body, task: spawn_local(clock::turns(work)).abort_handle() }
    }

    /// The next bytes of its body, or how it ended.
    ///
    /// # Errors
    /// 499 when the client leaves meanwhile.
    pub async fn next(&self, parent: &RequestCtx) -> Result<Result<Vec<u8>, Ended>, Status> {
        unless_gone(parent, poll_fn(|task| self.body.poll_take(task))).await
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(cx: &mut RequestCtx, writer: &Writer, stub: Option<Vec<u8>>) -> Ended {
    let mut out = Out::parent(writer);
    let (status, mut complete) = match run(cx).await {
        End::Answer(prepared) => {
            let complete = compose::deliver(cx, prepared, &mut out).await.is_ok();
            (cx.out.status, complete)
        }
        End::Silent(status) => (status, false),
    };
    if let Some(stub) = stub.filter(|_| out.passed() == 0) {
        complete = compose::stub(cx, stub, &mut out).await.is_ok();
    }
    Ended { status, complete }
}

/// Sets a subrequest to work that nobody waits for: its answer is thrown away.
pub fn detach(cx: Box<RequestCtx>) {
    behind(cx, async |cx: &mut RequestCtx| {
        if let End::Answer(prepared) = run(cx).await {
            prepared.body.abandon(cx);
        }
        log(cx);
    });
}

/// Does something with a context of its own that nobody waits for.
pub fn behind(mut cx: Box<RequestCtx>, work: impl AsyncFnOnce(&mut RequestCtx) + 'static) {
    let stay = Stay::new(&cx.conn.thread);
    let task = async move {
        work(&mut cx).await;
        drop(stay);
    };
    // Its handle is not needed: it ends by itself.
    drop(spawn_local(clock::turns(task)));
}

/// Keeps a thread that drains from ending before the subrequest does.
struct Stay {
    thread: Rc<Thread>,
    slot: usize,
}

impl Stay {
    fn new(thread: &Rc<Thread>) -> Stay {
        Stay { thread: thread.clone(), slot: thread.enter() }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.thread.leave(self.slot);
    }
}

/// Writes the subrequest to the access log where `log_subrequest` asks for it.
pub fn log(cx: &mut RequestCtx) {
    if cx.conf().core.log_subrequest {
        cx.log_access();
    }
}
