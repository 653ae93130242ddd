//! `charset`: the character set told to clients.

use rkeep_parsers::table::value::Level;

use super::has_type;
use super::recode::Recoder;
use crate::proxy::request::RequestCtx;

/// Adds the character set of the location to the media type; the answer is recoded where it is in another set.
pub fn filter(cx: &mut RequestCtx) -> Option<Recoder> {
    cx.conf().charset.charset.0.as_ref()?;
    let location = cx.location.clone();
    let conf = &location.ir.conf.charset;
    let target = conf.charset.0.as_ref()?;
    if cx.out.content_type.is_empty() || (!conf.override_ && !cx.out.charset.is_empty()) {
        return None;
    }
    if cx.out.charset.is_empty() && !(cx.out.charset_open && has_type(&conf.types, &cx.out)) {
        return None;
    }
    let target = cx.eval(target);
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

/// Old browsers would take the set of a redirect for that of the page it leads to.
fn tell(cx: &mut RequestCtx, charset: Vec<u8>) {
    if !matches!(cx.out.status, 301 | 302) {
        cx.out.charset = charset;
    }
}
