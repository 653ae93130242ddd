//! `random_index`: any file stands for its directory.

use rkeep_parsers::table::value::Level;

use super::autoindex;
use crate::proxy::paths;
use crate::proxy::request::{Answer, RequestCtx, Status};
use crate::proxy::upstream::chance;

/// Sends the request to any file of the directory; none where it has no file, or the method asks for none.
///
/// # Errors
/// 404 or 403 where the directory cannot be read.
pub fn answer(cx: &mut RequestCtx) -> Result<Option<Answer>, Status> {
    if !cx.conf().random_index.on || !matches!(cx.method.as_slice(), b"GET" | b"HEAD" | b"POST") {
        return Ok(None);
    }
    let dir = paths::of_request(cx);
    let shown = String::from_utf8_lossy(&dir).into_owned();
    let opened = std::fs::read_dir(paths::from_bytes(&dir)).map_err(|error| autoindex::failed(cx, &shown, &error))?;
    let mut names = Vec::new();
    for entry in opened {
        let entry = entry.map_err(|error| {
            cx.error_io(Level::Crit, &error, format_args!("readdir() \"{shown}\" failed"));
            Status(500)
        })?;
        let name = entry.file_name().into_encoded_bytes();
        if !name.starts_with(b".") && autoindex::metadata(&entry).is_ok_and(|meta| meta.is_file()) {
            names.push(name);
        }
    }
    let chosen = names.get(chance() as usize % names.len().max(1));
    Ok(chosen.map(|name| Answer::Redirect { uri: [cx.uri.as_slice(), name].concat(), args: cx.args.clone() }))
}
