//! Files.

use std::io::{Error, ErrorKind};

use rkeep_parsers::table::value::{GzipStatic, Level};

use super::open_files::{self, Kind, Opened};
use super::set_content_type;
use crate::proxy::body::Body;
use crate::proxy::filters::gzip_ok::client_takes_it;
use crate::proxy::http::uri::{Escape, escape};
use crate::proxy::paths;
use crate::proxy::request::{Answer, RequestCtx, Status};

/// Answers with the file of the path.
///
/// # Errors
/// 404, 403, 405, 301 for a directory without its slash, 500.
pub fn answer(cx: &mut RequestCtx) -> Result<Answer, Status> {
    if !matches!(cx.method.as_slice(), b"GET" | b"HEAD" | b"POST") {
        return Err(Status(405));
    }
    let path = paths::of_request(cx);
    if path.contains(&0) {
        return Err(Status(404));
    }
    if let Some(answer) = packed(cx, &path)? {
        return Ok(answer);
    }
    let opened = open(cx, &path).map_err(|error| failed(cx, &path, &error))?;
    if opened.kind == Kind::Dir {
        return Err(add_slash(cx));
    }
    if opened.kind != Kind::File {
        let shown = String::from_utf8_lossy(&path);
        cx.error(Level::Crit, format_args!("\"{shown}\" is not a regular file"));
        return Err(Status(404));
    }
    if cx.method == b"POST" {
        return Err(Status(405));
    }
    deliver(cx, opened)
}

/// `gzip_static`: the packed copy beside a file, where there is one and the client takes it.
fn packed(cx: &mut RequestCtx, path: &[u8]) -> Result<Option<Answer>, Status> {
    let mode = cx.conf().gzip_static.mode;
    if mode == GzipStatic::Off || !matches!(cx.method.as_slice(), b"GET" | b"HEAD") {
        return Ok(None);
    }
    let takes = mode == GzipStatic::Always || client_takes_it(cx);
    if !takes && !cx.conf().gzip.vary {
        return Ok(None);
    }
    let Ok(opened) = open(cx, &[path, b".gz"].concat()) else { return Ok(None) };
    if opened.kind != Kind::File {
        return Ok(None);
    }
    cx.out.gzip_vary = mode == GzipStatic::On;
    if !takes {
        return Ok(None);
    }
    let answer = deliver(cx, opened)?;
    cx.out.fields.push(b"Content-Encoding", b"gzip");
    Ok(Some(answer))
}

fn deliver(cx: &mut RequestCtx, opened: Opened) -> Result<Answer, Status> {
    let Opened { file: Some(file), len, mtime, .. } = opened else { return Err(Status(500)) };
    cx.body_discard()?;
    cx.action = " while sending response to client";
    cx.out.status = 200;
    cx.out.content_length = Some(len);
    cx.out.last_modified = Some(mtime);
    if cx.conf().core.etag {
        cx.out.fields.push(b"ETag", format!("\"{mtime:x}-{len:x}\"").as_bytes());
    }
    set_content_type(cx);
    cx.out.allow_ranges = true;
    Ok(Answer::Body(Body::File { file, offset: 0, len }))
}

fn open(cx: &RequestCtx, path: &[u8]) -> Result<Opened, Error> {
    open_files::open(cx.location.open_files.as_deref(), path)
}

fn failed(cx: &RequestCtx, path: &[u8], error: &Error) -> Status {
    let (level, status) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => (Level::Error, 404),
        ErrorKind::PermissionDenied => (Level::Error, 403),
        _ => (Level::Crit, 500),
    };
    if status != 404 || cx.conf().core.log_not_found {
        cx.error_io(level, error, format_args!("open() \"{}\" failed", String::from_utf8_lossy(path)));
    }
    Status(status)
}

/// Sends the client to the directory's own path.
fn add_slash(cx: &mut RequestCtx) -> Status {
    let mut target = Vec::with_capacity(cx.uri.len() + 1);
    escape(&cx.uri, Escape::Uri, &mut target);
    target.push(b'/');
    if !cx.args.is_empty() {
        target.push(b'?');
        target.extend_from_slice(&cx.args);
    }
    cx.out.fields.remove(b"Location");
    cx.out.fields.push(b"Location", &target);
    Status(301)
}
