//! `index`: which file stands for a directory.

use std::io::{Error, ErrorKind};

use rkeep_parsers::table::value::Level;

use super::{autoindex, open_files};
use crate::proxy::paths;
use crate::proxy::request::{Answer, RequestCtx, Status};

/// Sends the request to the first index that is there, or lists the directory.
///
/// # Errors
/// 403 where there is none, 404 where the directory is not.
pub fn answer(cx: &mut RequestCtx) -> Result<Answer, Status> {
    if !matches!(cx.method.as_slice(), b"GET" | b"HEAD" | b"POST") {
        return Err(Status(405));
    }
    let location = cx.location.clone();
    let dir = paths::of_request(cx);
    let mut dir_known = false;
    for name in &location.ir.conf.index.files.0 {
        let name = cx.eval(name);
        if name.first() == Some(&b'/') {
            return Ok(Answer::Redirect { uri: name, args: cx.args.clone() });
        }
        let path = [dir.as_slice(), &name].concat();
        match open_files::look(location.open_files.as_deref(), &path) {
            Ok(_) => return Ok(Answer::Redirect { uri: [cx.uri.as_slice(), &name].concat(), args: cx.args.clone() }),
            Err(error) => missing(cx, &path, &error)?,
        }
        if !dir_known {
            dir_known = true;
            check_dir(cx, &dir, &path)?;
        }
    }
    if let Some(list) = autoindex::answer(cx, &dir)? {
        return Ok(list);
    }
    cx.error(Level::Error, format_args!("directory index of \"{}\" is forbidden", String::from_utf8_lossy(&dir)));
    Err(Status(403))
}

/// Whether to go on after a name that could not be looked at.
fn missing(cx: &RequestCtx, path: &[u8], error: &Error) -> Result<(), Status> {
    let shown = String::from_utf8_lossy(path);
    match error.kind() {
        ErrorKind::NotFound => Ok(()),
        ErrorKind::NotADirectory | ErrorKind::InvalidFilename => {
            not_found(cx, &shown, error);
            Err(Status(404))
        }
        ErrorKind::PermissionDenied => {
            cx.error_io(Level::Error, error, format_args!("\"{shown}\" is forbidden"));
            Err(Status(403))
        }
        _ => {
            cx.error_io(Level::Crit, error, format_args!("stat() \"{shown}\" failed"));
            Err(Status(500))
        }
    }
}

fn not_found(cx: &RequestCtx, shown: &str, error: &Error) {
    if cx.conf().core.log_not_found {
        cx.error_io(Level::Error, error, format_args!("\"{shown}\" is not found"));
    }
}

/// A directory that is not there is 404 at once, not 403 after all names.
fn check_dir(cx: &RequestCtx, dir: &[u8], file: &[u8]) -> Result<(), Status> {
    match open_files::look(cx.location.open_files.as_deref(), dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            not_found(cx, &String::from_utf8_lossy(file), &error);
            Err(Status(404))
        }
        _ => Ok(()),
    }
}
