//! What comes before access is judged: the client's address behind proxies, limits.

use super::Step;
use crate::proxy::boxed::boxed;
use crate::proxy::request::RequestCtx;
use crate::proxy::{limits, realip};

/// Takes over the address that the location trusts, and holds the request to the location's limits.
pub async fn run(cx: &mut RequestCtx) -> Step {
    realip::apply(cx);
    if cx.location.limits.is_none() {
        return Step::Access;
    }
    // In a box, so that requests without limits are no larger for it.
    match boxed(|| limits::of_location(cx)).await {
        Ok(()) => Step::Access,
        Err(status) => Step::Fail(status),
    }
}
