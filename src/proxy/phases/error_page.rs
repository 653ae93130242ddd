//! What becomes of a status that is no answer yet: `error_page`, or nginx's own page.

use bytes::Bytes;

use super::{Step, named, redirect};
use crate::proxy::body::Body;
use crate::proxy::filters::head::product;
use crate::proxy::http::status::page;
use crate::proxy::http::uri::{self, split_args};
use crate::proxy::request::{RequestCtx, Status, Version};

/// Handles a status.
pub fn handle(cx: &mut RequestCtx, Status(status): Status) -> Step {
    cx.error_status = status;
    cx.body.expects_continue = false;
    if !cx.body.broken && cx.body_discard().is_err() {
        cx.keepalive = false;
    }
    if matches!(status, 400 | 413 | 414 | 494..=497 | 500 | 501) {
        cx.keepalive = false;
    }
    cx.out.content_type.clear();
    cx.out.charset_open = false;
    if !cx.error_page && cx.redirects_left != 0 {
        cx.error_page = !cx.conf().core.recursive_error_pages && !cx.conf().core.error_page.is_empty();
        if let Some(step) = configured(cx, status) {
            return step;
        }
    }
    built_in(cx, status)
}

/// The `error_page` for a status, if one is written.
fn configured(cx: &mut RequestCtx, status: u16) -> Option<Step> {
    let location = cx.location.clone();
    let page = location.ir.conf.core.error_page.iter().find(|page| page.codes.contains(&status))?;
    // 494 and its like are shown as 400, also to pages.
    if (494..=497).contains(&status) && page.response.is_none() {
        cx.error_status = 400;
    }
    if let Some(response) = page.response {
        cx.error_status = response;
    }
    let target = cx.eval(&page.target);
    match target.first() {
        Some(b'/') => {
            let (uri, args) = split_args(&target);
            if cx.method != b"HEAD" {
                cx.method.clear();
                cx.method.extend_from_slice(b"GET");
            }
            Some(redirect(cx, uri.to_vec(), args.to_vec()))
        }
        Some(b'@') => Some(named(cx, &target)),
        _ => {
            cx.out.fields.remove(b"Location");
            cx.out.fields.push(b"Location", &target);
            let status = page.response.filter(|code| matches!(code, 301 | 302 | 303 | 307 | 308)).unwrap_or(302);
            cx.error_status = status;
            Some(built_in(cx, status))
        }
    }
}

/// nginx's own page.
fn built_in(cx: &mut RequestCtx, status: u16) -> Step {
    if (494..=497).contains(&status) {
        cx.error_status = 400;
    }
    if matches!(status, 301 | 302) && cx.conf().core.msie_refresh && cx.is_msie() {
        return refresh(cx);
    }
    let padded = cx.conf().core.msie_padding && cx.head.version >= Version::Http10 && wants_padding(cx);
    let page = page(status, &product(cx), padded);
    cx.out.clear_body_fields();
    cx.out.status = cx.error_status;
    cx.out.status_line = None;
    cx.out.content_length = Some(page.as_ref().map_or(0, |page| page.len() as u64));
    match page {
        Some(page) => {
            cx.out.content_type.extend_from_slice(b"text/html");
            cx.out.charset_open = true;
            Step::Send(Body::Memory(Bytes::from(page)))
        }
        None => Step::Send(Body::Empty),
    }
}

/// A page that leads on, for browsers that lose fragments in redirects.
fn refresh(cx: &mut RequestCtx) -> Step {
    let mut page = b"<html><head><meta http-equiv=\"Refresh\" content=\"0; URL=".to_vec();
    uri::escape(cx.out.fields.get(b"Location").unwrap_or_default(), uri::Escape::Refresh, &mut page);
    page.extend_from_slice(b"\"></head><body></body></html>\r\n");
    cx.out.fields.remove(b"Location");
    cx.out.clear_body_fields();
    cx.error_status = 200;
    (cx.out.status, cx.out.status_line) = (200, None);
    cx.out.content_length = Some(page.len() as u64);
    cx.out.content_type.extend_from_slice(b"text/html");
    cx.out.charset_open = true;
    Step::Send(Body::Memory(Bytes::from(page)))
}

/// Browsers that put their own page in place of a short one.
fn wants_padding(cx: &RequestCtx) -> bool {
    let has = |word: &[u8]| {
        let within = |agent: &[u8]| agent.windows(word.len()).any(|window| window == word);
        cx.head.fields.all(b"User-Agent").any(within)
    };
    let opera = has(b"Opera");
    (has(b"MSIE ") && !opera) || (!opera && !has(b"Gecko/") && has(b"Chrome/"))
}
