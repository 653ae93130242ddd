//! When an answer is chunked.

use crate::proxy::request::{RequestCtx, Version};

/// Chunks the answer where its length is not known and the client understands it; else the connection must close.
pub fn filter(cx: &mut RequestCtx) {
    let out = &cx.out;
    if matches!(out.status, 304 | 204) || out.status < 200 || cx.is_head() {
        return;
    }
    if out.content_length.is_some() && !cx.expect_trailers {
        return;
    }
    if cx.head.version == Version::Http11 && cx.conf().core.chunked_transfer_encoding {
        if cx.expect_trailers {
            cx.out.content_length = None;
        }
        cx.out.chunked = true;
    } else if cx.out.content_length.is_none() {
        cx.keepalive = false;
    }
}
