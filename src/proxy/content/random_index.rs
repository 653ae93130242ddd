//! `random_index`: any file stands for its directory.

use super::autoindex;
use crate::proxy::paths;
use crate::proxy::request::{Answer, RequestCtx, Status};
use crate::proxy::upstream::chance;

/// Sends the request to any file of the directory; none where it has no file, or the method asks for none.
///
/// # Errors
/// As [`autoindex::each_visible`].
pub fn answer(cx: &mut RequestCtx) -> Result<Option<Answer>, Status> {
    if !cx.conf().random_index.on || !matches!(cx.method.as_slice(), b"GET" | b"HEAD" | b"POST") {
        return Ok(None);
    }
    let dir = paths::of_request(cx);
    let mut names = Vec::new();
    autoindex::each_visible(cx, &dir, |name, meta| {
        if meta.is_ok_and(|meta| meta.is_file()) {
            names.push(name);
        }
    })?;
    let chosen = names.get(chance() as usize % names.len().max(1));
    Ok(chosen.map(|name| Answer::Redirect { uri: [cx.uri.as_slice(), name].concat(), args: cx.args.clone() }))
}
