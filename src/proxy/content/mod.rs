//! Content that is made here: files, indexes, lists of directories, the status page, the empty picture.

pub mod autoindex;
pub mod empty_gif;
pub mod index;
pub mod listing;
pub mod open_files;
pub mod random_index;
pub mod static_file;
pub mod stub_status;

use super::request::RequestCtx;

/// The suffix of a path, without its dot.
fn suffix(uri: &[u8]) -> Option<&[u8]> {
    let name = uri.rsplit(|byte| *byte == b'/').next()?;
    let dot = name.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0)?;
    name.get(dot + 1..).filter(|suffix| !suffix.is_empty())
}

/// Gives the answer the media type of the path's suffix, or `default_type`, unless it has one.
pub fn set_content_type(cx: &mut RequestCtx) {
    if !cx.out.content_type.is_empty() {
        return;
    }
    let location = cx.location.clone();
    let core = &location.ir.conf.core;
    let known = suffix(&cx.uri)
        .and_then(|suffix| std::str::from_utf8(suffix).ok())
        .and_then(|suffix| core.types.0.get(suffix).or_else(|| core.types.0.get(&suffix.to_ascii_lowercase())));
    cx.out.content_type.extend_from_slice(known.unwrap_or(&core.default_type).as_bytes());
    cx.out.charset_open = true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes() {
        assert_eq!(suffix(b"/a.b/c.html"), Some(&b"html"[..]));
        assert_eq!(suffix(b"/a.b/c"), None);
        assert_eq!(suffix(b"/.html"), None);
        assert_eq!(suffix(b"/a."), None);
    }
}
