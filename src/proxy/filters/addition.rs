//! `add_before_body`, `add_after_body`: what is put around a body.

use super::gzip_ok::weaken_etag;
use super::has_type;
use crate::proxy::request::RequestCtx;

/// The URIs of what comes before and after.
pub type Added = (Option<Vec<u8>>, Option<Vec<u8>>);

/// What is put around the answer, if anything is.
pub fn filter(cx: &mut RequestCtx) -> Option<Added> {
    let conf = &cx.conf().addition;
    let uri = |text: &Option<String>| text.as_ref().filter(|uri| !uri.is_empty()).map(|uri| uri.clone().into_bytes());
    let added = (uri(&conf.before_body), uri(&conf.after_body));
    if added == (None, None) || cx.out.status != 200 || !has_type(&conf.types, &cx.out) {
        return None;
    }
    cx.out.body_is_made(true);
    weaken_etag(cx);
    Some(added)
}
