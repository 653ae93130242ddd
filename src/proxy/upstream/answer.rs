//! The head of the answer as the client is to see it: fields copied, hidden, rewritten; X-Accel heeded.

use super::meaning::digits;
use super::receive::{Form, Received};
use super::route::Route;
use super::uri;
use crate::proxy::http::date;
use crate::proxy::http::fields::{Field, Fields};
use crate::proxy::http::known::Known;
use crate::proxy::request::{Answer, RequestCtx, Status};

/// Makes `cx.out` of a backend's head. `kept`: of an answer that is in the cache or goes there, so that conditions and
/// ranges are looked at here.
pub fn copy(cx: &mut RequestCtx, route: &Route, received: &mut Received, kept: bool) {
    cx.out.status = received.status;
    cx.out.status_line = received.status_line.take();
    cx.out.content_length = if received.meaning.chunked { None } else { received.meaning.length };
    cx.out.conditions_done = !kept;
    cx.out.charset_open = true;
    let forced = cx.conf().proxy.force_ranges;
    cx.out.allow_ranges = forced || (kept && cx.upstream_fields.has(b"Accept-Ranges"));
    // Where they pass, the backend's count even if it sent none.
    let has = |name: &[u8]| matches!(received.form, Form::Http | Form::Http2 { .. }) || cx.upstream_fields.has(name);
    let (own_server, own_date) = (has(b"Server"), has(b"Date"));
    cx.out.own_server = !route.hides(Known::Server) && own_server;
    cx.out.own_date = !route.hides(Known::Date) && own_date;
    let fields = std::mem::take(&mut cx.upstream_fields);
    for field in fields.each().filter(|field| !route.hides_field(field)) {
        copy_field(cx, route, &field);
    }
    heed(cx, route, &fields);
    cx.upstream_fields = fields;
}

fn copy_field(cx: &mut RequestCtx, route: &Route, field: &Field<'_>) {
    let (name, value) = (field.name, field.value);
    match field.known {
        Some(Known::ContentLength | Known::Connection | Known::KeepAlive | Known::TransferEncoding) => {}
        Some(Known::ContentType) => set_type(cx, value),
        Some(Known::AcceptRanges) if cx.out.allow_ranges => {}
        Some(Known::Location) => {
            let rewritten = route.redirects.apply(cx, value, 0);
            cx.out.own_location = rewritten.is_none();
            cx.out.fields.push(name, rewritten.as_deref().unwrap_or(value));
        }
        Some(Known::Refresh) => {
            let url = value.windows(4).position(|word| word.eq_ignore_ascii_case(b"url="));
            let rewritten = url.and_then(|at| route.redirects.apply(cx, value, at + 4));
            cx.out.fields.push(name, rewritten.as_deref().unwrap_or(value));
        }
        Some(Known::SetCookie) => {
            let rewritten = route.cookies.apply(cx, value);
            cx.out.fields.push(name, rewritten.as_deref().unwrap_or(value));
        }
        known => {
            if known == Some(Known::LastModified) {
                cx.out.own_last_modified = true;
                cx.out.last_modified = date::parse(value);
            }
            cx.out.fields.push_field(field);
        }
    }
}

/// Splits `type; charset=…` as nginx does, so that the character set can be told anew.
fn set_type(cx: &mut RequestCtx, value: &[u8]) {
    let (kind, charset) = split_charset(value);
    cx.out.content_type.clear();
    cx.out.content_type.extend_from_slice(kind);
    cx.out.charset_open = charset.is_none();
    cx.out.charset.clear();
    cx.out.charset.extend_from_slice(charset.unwrap_or_default());
}

fn split_charset(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut at = 0;
    while let Some(semicolon) = value.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == b';')) {
        let end = at + semicolon;
        let mut word = end + 1;
        while value.get(word) == Some(&b' ') {
            word += 1;
        }
        let parameter = value.get(word..).unwrap_or_default();
        if parameter.get(..8).is_some_and(|name| name.eq_ignore_ascii_case(b"charset=")) {
            let charset = parameter.get(8..).unwrap_or_default();
            let charset = charset.strip_prefix(b"\"").unwrap_or(charset);
            let charset = charset.strip_suffix(b"\"").unwrap_or(charset);
            return (value.get(..end).unwrap_or_default(), Some(charset));
        }
        at = word;
    }
    (value, None)
}

/// X-Accel-Limit-Rate and X-Accel-Charset.
fn heed(cx: &mut RequestCtx, route: &Route, fields: &Fields) {
    if !route.ignored.limit_rate
        && let Some(rate) = fields.get(b"X-Accel-Limit-Rate").and_then(digits)
    {
        cx.limit_rate = Some(rate);
    }
    if !route.ignored.charset
        && let Some(charset) = fields.get(b"X-Accel-Charset")
    {
        cx.out.charset_override = charset.to_vec();
    }
}

/// Whether the answer is buffered: as `proxy_buffering` says unless X-Accel-Buffering says otherwise.
pub fn buffers(cx: &RequestCtx, route: &Route) -> bool {
    let written = if route.ignored.buffering { None } else { cx.upstream_fields.get(b"X-Accel-Buffering") };
    match written {
        Some(word) if word.eq_ignore_ascii_case(b"no") => false,
        Some(word) if word.eq_ignore_ascii_case(b"yes") => true,
        _ => cx.conf().proxy.buffering,
    }
}

/// Where X-Accel-Redirect sends the request.
///
/// # Errors
/// 404 for a path that is not safe.
pub fn redirect(cx: &mut RequestCtx, route: &Route) -> Option<Result<Answer, Status>> {
    if route.ignored.redirect {
        return None;
    }
    let to = cx.upstream_fields.get(b"X-Accel-Redirect")?.to_vec();
    let fields = std::mem::take(&mut cx.upstream_fields);
    for field in fields.each() {
        if field.known.is_some_and(Known::survives_redirect) {
            copy_field(cx, route, &field);
        }
    }
    let path = destination(cx, &to);
    if path.is_ok() {
        heed(cx, route, &fields);
    }
    cx.upstream_fields = fields;
    Some(path)
}

/// # Errors
/// 404 for a path that is not safe.
fn destination(cx: &mut RequestCtx, to: &[u8]) -> Result<Answer, Status> {
    if to.first() == Some(&b'@') {
        return Ok(Answer::Named(to.to_vec()));
    }
    let end = to.iter().position(|&byte| byte == b'?').unwrap_or(to.len());
    let path = uri::unescape(to.get(..end).unwrap_or_default());
    let args = to.get(end + 1..).unwrap_or_default();
    if !uri::is_safe(&path) {
        let shown = String::from_utf8_lossy(to).into_owned();
        cx.error(rkeep_parsers::table::value::Level::Error, format_args!("unsafe URI \"{shown}\" was detected"));
        return Err(Status(404));
    }
    if !cx.is_head() {
        cx.method = b"GET".to_vec();
    }
    Ok(Answer::Redirect { uri: path, args: args.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charset_is_split_off() {
        assert_eq!(split_charset(b"text/html"), (&b"text/html"[..], None));
        assert_eq!(split_charset(b"text/html;charset=UTF-8"), (&b"text/html"[..], Some(&b"UTF-8"[..])));
        assert_eq!(split_charset(b"a/b; x=y; Charset=\"k\""), (&b"a/b; x=y"[..], Some(&b"k"[..])));
        assert_eq!(split_charset(b"a/b; x=y; z"), (&b"a/b; x=y; z"[..], None));
    }
}
