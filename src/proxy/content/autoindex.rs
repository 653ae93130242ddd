//! `autoindex`: lists of directories, as a page, as JSON, as XML.

use std::fs::{DirEntry, Metadata};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::MetadataExt;

use bytes::Bytes;
use rkeep_parsers::nginx::Autoindex;
use rkeep_parsers::table::value::{Level, ListFormat};

use super::listing::{Entry, Style, html, json, xml};
use crate::proxy::body::Body;
use crate::proxy::paths;
use crate::proxy::request::{Answer, RequestCtx, Status};

/// Answers with the list of a directory; none where the location does not want it.
///
/// # Errors
/// 404 or 403 where the directory cannot be read.
pub fn answer(cx: &mut RequestCtx, dir: &[u8]) -> Result<Option<Answer>, Status> {
    let location = cx.location.clone();
    let conf = &location.ir.conf.autoindex;
    if !conf.on || !matches!(cx.method.as_slice(), b"GET" | b"HEAD") {
        return Ok(None);
    }
    cx.body_discard()?;
    let mut entries = read(cx, dir)?;
    entries.sort_by(|a, b| b.dir.cmp(&a.dir).then_with(|| a.name.cmp(&b.name)));
    let (kind, text) = write(cx, conf, &entries);
    cx.out.status = 200;
    cx.out.content_type.extend_from_slice(kind);
    match conf.format {
        ListFormat::Xml => cx.out.charset = b"utf-8".to_vec(),
        _ => cx.out.charset_open = true,
    }
    // As with nginx, nobody knows the length before.
    cx.out.content_length = None;
    Ok(Some(Answer::Body(Body::Memory(Bytes::from(text)))))
}

fn write(cx: &RequestCtx, conf: &Autoindex, entries: &[Entry]) -> (&'static [u8], Vec<u8>) {
    match conf.format {
        ListFormat::Html => {
            let utf8 =
                cx.conf().charset.charset.0.as_ref().is_some_and(|it| cx.eval(it).eq_ignore_ascii_case(b"utf-8"));
            let style = Style { utf8, exact: conf.exact_size, local: conf.local_time };
            (b"text/html", html(&cx.uri, entries, style))
        }
        ListFormat::Xml => (b"text/xml", xml(entries)),
        ListFormat::Json => (b"application/json", json(entries)),
        ListFormat::Jsonp => match callback(&cx.args) {
            Some(name) => {
                let list = json(entries);
                let call = [b"/* callback */\r\n", name, b"(", list.as_slice(), b");"].concat();
                (b"application/javascript", call)
            }
            None => (b"application/json", json(entries)),
        },
    }
}

/// The function that `?callback=` names; nothing else may be smuggled in.
fn callback(args: &[u8]) -> Option<&[u8]> {
    let name = args.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(b"callback="))?;
    let plain =
        name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'$' | b'[' | b']'));
    (plain && (1..=128).contains(&name.len())).then_some(name)
}

fn read(cx: &RequestCtx, dir: &[u8]) -> Result<Vec<Entry>, Status> {
    let mut entries = Vec::new();
    each_visible(cx, dir, |name, meta| match meta {
        Ok(meta) => entries.push(of(name, &meta)),
        Err(error) => {
            let (dir, name) = (String::from_utf8_lossy(dir), String::from_utf8_lossy(&name));
            cx.error_io(Level::Crit, &error, format_args!("stat() \"{dir}{name}\" failed"));
        }
    })?;
    Ok(entries)
}

/// Gives `take` every name in a directory that is not hidden, with what is known of it.
///
/// # Errors
/// 404, 403 or 500 where the directory cannot be read.
pub fn each_visible(
    cx: &RequestCtx,
    dir: &[u8],
    mut take: impl FnMut(Vec<u8>, Result<Metadata, Error>),
) -> Result<(), Status> {
    let shown = String::from_utf8_lossy(dir);
    for entry in std::fs::read_dir(paths::from_bytes(dir)).map_err(|error| failed(cx, &shown, &error))? {
        let entry = entry.map_err(|error| {
            cx.error_io(Level::Crit, &error, format_args!("readdir() \"{shown}\" failed"));
            Status(500)
        })?;
        let name = entry.file_name().into_encoded_bytes();
        if !name.starts_with(b".") {
            take(name, metadata(&entry));
        }
    }
    Ok(())
}

/// Of what a link leads to; of the link itself where that is not there.
fn metadata(entry: &DirEntry) -> Result<Metadata, Error> {
    match std::fs::metadata(entry.path()) {
        Err(error) if error.kind() == ErrorKind::NotFound => entry.metadata(),
        done => done,
    }
}

fn of(name: Vec<u8>, meta: &Metadata) -> Entry {
    let kind = if meta.is_dir() {
        "directory"
    } else if meta.is_file() || meta.is_symlink() {
        "file"
    } else {
        "other"
    };
    // A link that leads nowhere has no size of its own.
    let size = if meta.is_symlink() { 0 } else { meta.len() };
    Entry { name, dir: meta.is_dir(), kind, size, modified: meta.mtime() }
}

/// Why a directory cannot be read, told to the log.
fn failed(cx: &RequestCtx, shown: &str, error: &Error) -> Status {
    let (level, status) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => (Level::Error, 404),
        ErrorKind::PermissionDenied => (Level::Error, 403),
        _ => (Level::Crit, 500),
    };
    cx.error_io(level, error, format_args!("opendir() \"{shown}\" failed"));
    Status(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks_are_names() {
        assert_eq!(callback(b"a=1&callback=foo.bar[0]"), Some(&b"foo.bar[0]"[..]));
        assert_eq!(callback(b"callback=alert(1)"), None);
        assert_eq!(callback(b"callback="), None);
        assert_eq!(callback(b""), None);
    }
}
