//! What comes before access is judged: the client's address behind proxies, limits.

use super::Step;
use crate::proxy::request::RequestCtx;
use crate::proxy::{limits, realip};

/// Takes over the address that the location trusts, and holds the request to the location's limits.
pub async fn run(cx: &mut RequestCtx) -> Step {
    realip::apply(cx);
    let location = cx.location.clone();
    if let Some(limits) = &location.limits
        // In a box, so that requests without limits are no larger for it.
        && let Err(status) = Box::pin(limits::check(cx, limits)).await
    {
        return Step::Fail(status);
    }
    Step::Access
}
