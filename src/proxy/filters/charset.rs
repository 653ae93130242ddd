//! `charset`: the character set told to clients.

use rkeep_parsers::nginx::Charset;
use rkeep_parsers::table::value::Level;

use super::has_type;
use super::recode::Recoder;
use crate::proxy::request::RequestCtx;

/// Whether the location or a backend names a character set.
pub fn is_wanted(cx: &RequestCtx) -> bool {
    cx.conf().charset.charset.0.is_some() || !cx.out.charset_override.is_empty()
}

/// Adds the character set to the media type; the answer is recoded where it is in another set.
pub fn filter(cx: &mut RequestCtx) -> Option<Recoder> {
    if !is_wanted(cx) || cx.out.content_type.is_empty() {
        return None;
    }
    let location = cx.location.clone();
    let conf = &location.ir.conf.charset;
    let target = if cx.out.charset_override.is_empty() { of_location(cx, conf)? } else { of_backend(cx)? };
    let source = match (&conf.source.0, cx.out.charset.is_empty()) {
        (_, false) => Some(cx.out.charset.clone()),
        (Some(source), true) => Some(cx.eval(source)),
        (None, true) => None,
    };
    let Some(source) = source.filter(|source| !source.eq_ignore_ascii_case(&target)) else {
        tell(cx, target);
        return None;
    };
    if cx.out.fields.get(b"Content-Encoding").is_some_and(|coding| !coding.is_empty()) {
        return None;
    }
    let Some(recoder) = cx.snapshot.charsets.recoder(&source, &target) else {
        let (source, target) = (String::from_utf8_lossy(&source), String::from_utf8_lossy(&target));
        let text = format_args!("no \"charset_map\" between the charsets \"{source}\" and \"{target}\"");
        cx.error(Level::Error, text);
        return None;
    };
    tell(cx, target);
    if !recoder.keeps_length() {
        cx.out.content_length = None;
        cx.out.allow_ranges = false;
    }
    Some(recoder)
}

/// The set of the location, if it counts for this answer.
fn of_location(cx: &RequestCtx, conf: &Charset) -> Option<Vec<u8>> {
    let counts = match cx.out.charset.is_empty() {
        true => cx.out.charset_open && has_type(&conf.types, &cx.out),
        false => conf.override_,
    };
    counts.then(|| conf.charset.0.as_ref().map(|target| cx.eval(target))).flatten()
}

/// The set that a backend wants, if the configuration knows it.
fn of_backend(cx: &RequestCtx) -> Option<Vec<u8>> {
    let wanted = &cx.out.charset_override;
    if !cx.snapshot.charsets.knows(wanted) {
        let shown = String::from_utf8_lossy(wanted);
        cx.error(Level::Error, format_args!("unknown charset \"{shown}\" to override"));
        return None;
    }
    Some(wanted.clone())
}

/// Old browsers would take the set of a redirect for that of the page it leads to.
fn tell(cx: &mut RequestCtx, charset: Vec<u8>) {
    if !matches!(cx.out.status, 301 | 302) {
        cx.out.charset = charset;
    }
}
