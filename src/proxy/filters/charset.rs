//! `charset`: the character set told to clients.

use rkeep_parsers::table::value::Level;

use super::has_type;
use crate::proxy::request::RequestCtx;

/// Adds the character set of the location to the media type.
pub fn filter(cx: &mut RequestCtx) {
    let location = cx.location.clone();
    let conf = &location.ir.conf.charset;
    let Some(target) = &conf.charset.0 else { return };
    if cx.out.content_type.is_empty() || (!conf.override_ && !cx.out.charset.is_empty()) {
        return;
    }
    if !cx.out.charset_open || (cx.out.charset.is_empty() && !has_type(&conf.types, &cx.out)) {
        return;
    }
    let target = cx.eval(target);
    let source = match (&conf.source.0, cx.out.charset.is_empty()) {
        (_, false) => Some(cx.out.charset.clone()),
        (Some(source), true) => Some(cx.eval(source)),
        (None, true) => None,
    };
    if let Some(source) = source.filter(|source| !source.eq_ignore_ascii_case(&target)) {
        let (source, target) = (String::from_utf8_lossy(&source), String::from_utf8_lossy(&target));
        let text = format_args!("no \"charset_map\" between the charsets \"{source}\" and \"{target}\"");
        cx.error(Level::Error, text);
        return;
    }
    if !matches!(cx.out.status, 301 | 302) {
        cx.out.charset = target;
    }
}
