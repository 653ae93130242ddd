//! `try_files`

use rkeep_parsers::table::value::TryFallback;

use super::{Step, named, redirect};
use crate::proxy::content::open_files::{self, Kind};
use crate::proxy::http::uri::split_args;
use crate::proxy::paths;
use crate::proxy::request::{RequestCtx, Status};

/// Looks for the names in order; the first that is there becomes the path.
pub fn run(cx: &mut RequestCtx) -> Step {
    if cx.conf().core.try_files.is_none() {
        return Step::Mirror;
    }
    let location = cx.location.clone();
    let Some(files) = &location.ir.conf.core.try_files else { return Step::Mirror };
    for file in &files.files {
        let mut name = cx.eval(&file.path);
        let prefix = paths::alias_prefix(cx);
        if let Some(rest) = prefix.as_deref().and_then(|prefix| name.strip_prefix(prefix)) {
            name = rest.to_vec();
        }
        let path = paths::below_root(cx, &name);
        let kind = open_files::look(location.open_files.as_deref(), &path);
        let found = kind.is_ok_and(|kind| (kind == Kind::Dir) == file.dir);
        if found {
            take(cx, name, file.dir, prefix);
            return Step::Mirror;
        }
    }
    match &files.fallback {
        TryFallback::Code(code) => Step::Fail(Status(*code)),
        TryFallback::Uri(target) => {
            let target = cx.eval(target);
            if target.first() == Some(&b'@') {
                return named(cx, &target);
            }
            let (uri, args) = split_args(&target);
            redirect(cx, uri.to_vec(), args.to_vec())
        }
    }
}

/// The name that was found becomes the request's path.
fn take(cx: &mut RequestCtx, name: Vec<u8>, dir: bool, prefix: Option<Vec<u8>>) {
    match prefix {
        Some(prefix) => cx.uri = [prefix.as_slice(), &name].concat(),
        None if paths::alias_of_regex(cx) => {
            if !dir {
                cx.uri = name;
                cx.uri_below_alias = true;
            }
        }
        None => cx.uri = name,
    }
}
