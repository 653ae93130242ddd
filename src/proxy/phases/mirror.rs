//! `mirror`: copies of a request whose answers nobody gets.

use super::Step;
use crate::proxy::request::RequestCtx;
use crate::proxy::subrequest::{self, Ask};

/// Sends the copies on their way.
pub async fn run(cx: &mut RequestCtx) -> Step {
    let location = cx.location.clone();
    let conf = &location.ir.conf.mirror;
    if cx.is_subrequest() {
        return Step::Content;
    }
    if conf.request_body
        && let Err(status) = cx.read_body().await
    {
        return Step::Fail(status);
    }
    for uri in &conf.to.0 {
        let ask = Ask {
            uri: uri.clone().into_bytes(),
            args: cx.args.clone(),
            method: Some(cx.method.clone()),
            with_body: conf.request_body,
            head_only: true,
            ..Ask::default()
        };
        if let Some(copy) = subrequest::make(cx, ask) {
            subrequest::detach(copy);
        }
    }
    Step::Content
}
