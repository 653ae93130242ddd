//! Paths of files that URIs name: `root`, `alias`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::request::RequestCtx;

/// A path of bytes.
pub fn from_bytes(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// The prefix that `alias` replaces, where it replaces one.
pub fn alias_prefix(cx: &RequestCtx) -> Option<Vec<u8>> {
    cx.location.alias.as_ref()?.prefix.clone()
}

/// Whether `alias` stands in a location of a regular expression, where it is the whole path.
pub fn alias_of_regex(cx: &RequestCtx) -> bool {
    cx.location.alias.as_ref().is_some_and(|alias| alias.prefix.is_none())
}

/// The directory that paths are below: `root` or `alias`.
pub fn root(cx: &RequestCtx) -> Vec<u8> {
    let template = cx.location.alias.as_ref().map_or(&cx.conf().core.root.0, |alias| &alias.path);
    let path = cx.eval(template);
    if path.first() == Some(&b'/') {
        return path;
    }
    // A value with variables may be relative: it is below the prefix, as constant ones already are.
    cx.snapshot.prefix().join(from_bytes(&path)).into_os_string().into_encoded_bytes()
}

/// The file of a path that is relative to the root, or follows the location's prefix under `alias`.
pub fn below_root(cx: &RequestCtx, name: &[u8]) -> Vec<u8> {
    let mut path = root(cx);
    path.extend_from_slice(name);
    path
}

/// The file of the request's path (`$request_filename`).
pub fn of_request(cx: &RequestCtx) -> Vec<u8> {
    if alias_of_regex(cx) {
        return if cx.uri_below_alias { below_root(cx, &cx.uri) } else { root(cx) };
    }
    match alias_prefix(cx) {
        Some(prefix) => below_root(cx, cx.uri.strip_prefix(prefix.as_slice()).unwrap_or(&cx.uri)),
        None => below_root(cx, &cx.uri),
    }
}

/// A size as directives write it: `10`, `10k`, `1m`.
pub fn size(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    let (digits, scale) = match text.as_bytes().last()? {
        b'k' | b'K' => (text.get(..text.len() - 1)?, 1 << 10),
        b'm' | b'M' => (text.get(..text.len() - 1)?, 1 << 20),
        b'g' | b'G' => (text.get(..text.len() - 1)?, 1 << 30),
        _ => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(scale)
}
