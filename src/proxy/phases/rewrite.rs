//! The rewrite phases: the server's script once, then the location's, until no rewrite asks for another location.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use bytes::Bytes;
use rkeep_parsers::ir::expr::{Expr, Part};
use rkeep_parsers::ir::http::{FileTest, Handler, RewriteFlag, SetTarget};
use rkeep_parsers::table::value::Level;

use super::script::{Condition, Op};
use super::{Step, find};
use crate::proxy::body::Body;
use crate::proxy::compile::Location;
use crate::proxy::content::set_content_type;
use crate::proxy::http::uri::{Escape, escape, unescape};
use crate::proxy::paths;
use crate::proxy::regex::Regex;
use crate::proxy::request::{RequestCtx, Status};

/// How a script went.
enum Flow {
    /// Go on with the next directive.
    Next,
    /// The script is over.
    Stop,
    /// The request is over, or fails.
    Leave(Step),
}

/// The server's script.
pub fn server(cx: &mut RequestCtx) -> Step {
    if cx.server.root.script.is_empty() {
        return Step::FindLocation;
    }
    let root = cx.server.root.clone();
    match script(cx, &root) {
        Flow::Leave(step) => step,
        Flow::Next | Flow::Stop => Step::FindLocation,
    }
}

/// The location's script.
pub fn location(cx: &mut RequestCtx) -> Step {
    if cx.location.script.is_empty() && !cx.uri_changed {
        return Step::Preaccess;
    }
    let location = cx.location.clone();
    if let Flow::Leave(step) = script(cx, &location) {
        return step;
    }
    if !cx.uri_changed {
        return Step::Preaccess;
    }
    if cx.redirects_left == 0 {
        let uri = String::from_utf8_lossy(&cx.uri);
        cx.error(Level::Error, format_args!("rewrite or internal redirection cycle while processing \"{uri}\""));
        return Step::Fail(Status(500));
    }
    cx.redirects_left -= 1;
    cx.location = cx.server.root.clone();
    Step::FindLocation
}

fn script(cx: &mut RequestCtx, level: &Arc<Location>) -> Flow {
    for op in &level.script {
        match run(cx, op) {
            Flow::Next => {}
            end => return end,
        }
    }
    Flow::Next
}

fn run(cx: &mut RequestCtx, op: &Op) -> Flow {
    match op {
        Op::Set(target, value) => {
            let value = cx.eval(value);
            assign(cx, *target, value);
            Flow::Next
        }
        Op::If(condition, location) => {
            if !holds(cx, condition) {
                return Flow::Next;
            }
            let Some(inner) = cx.snapshot.location(*location).cloned() else { return Flow::Next };
            let left = leaves_backend(cx, &inner);
            cx.location = inner.clone();
            find::enter(cx);
            cx.backend_left = left;
            script(cx, &inner)
        }
        Op::Rewrite { regex, replacement, add_args, flag } => rewrite(cx, regex, replacement, *add_args, *flag),
        Op::Return(code, text) => Flow::Leave(answer(cx, *code, text.as_ref())),
        Op::Break => {
            // What a rewrite before it has made is no longer in the location.
            cx.valid_location &= !cx.uri_changed;
            cx.uri_changed = false;
            Flow::Stop
        }
    }
}

fn leaves_backend(cx: &RequestCtx, inner: &Location) -> bool {
    let before = cx.backend_left || matches!(cx.location.ir.handler, Handler::Proxy(_));
    before && matches!(inner.ir.handler, Handler::Static)
}

/// Gives a variable its value.
pub fn assign(cx: &mut RequestCtx, target: SetTarget, value: Vec<u8>) {
    match target {
        SetTarget::User(var) => cx.set_user(var, value),
        SetTarget::Args => {
            cx.args = value;
            cx.uri_untouched = false;
        }
        SetTarget::LimitRate => cx.limit_rate = paths::size(&value),
    }
}

fn holds(cx: &mut RequestCtx, condition: &Condition) -> bool {
    match condition {
        Condition::True(value) => {
            let value = cx.eval(value);
            !value.is_empty() && value != b"0"
        }
        Condition::Equal(left, right, negate) => (cx.eval(left) == cx.eval(right)) != *negate,
        Condition::Matches(left, regex, negate) => {
            let subject = cx.eval(left);
            regex.run(cx, &subject) != *negate
        }
        Condition::File(test, path, negate) => {
            let path = cx.eval(path);
            let found = match (test, std::fs::metadata(paths::from_bytes(&path))) {
                (_, Err(_)) => false,
                (FileTest::File, Ok(file)) => file.is_file(),
                (FileTest::Directory, Ok(file)) => file.is_dir(),
                (FileTest::Exists, Ok(file)) => file.is_file() || file.is_dir() || file.file_type().is_symlink(),
                (FileTest::Executable, Ok(file)) => file.permissions().mode() & 0o111 != 0,
            };
            found != *negate
        }
    }
}

/// `return`
fn answer(cx: &mut RequestCtx, code: u16, text: Option<&Expr>) -> Step {
    if text.is_none() && code >= 400 {
        return Step::Fail(Status(code));
    }
    // A body that is wrong from its first byte on outweighs the answer.
    if let Err(status) = cx.body_discard() {
        return Step::Fail(status);
    }
    let value = text.map(|text| cx.eval(text));
    if matches!(code, 301 | 302 | 303 | 307 | 308) {
        if let Some(value) = value {
            cx.out.fields.remove(b"Location");
            cx.out.fields.push(b"Location", &value);
        }
        return Step::Fail(Status(code));
    }
    send(cx, code, value.unwrap_or_default())
}

fn send(cx: &mut RequestCtx, code: u16, value: Vec<u8>) -> Step {
    cx.out.status = code;
    cx.out.content_length = Some(value.len() as u64);
    set_content_type(cx);
    Step::Send(if value.is_empty() { Body::Empty } else { Body::Memory(Bytes::from(value)) })
}

fn rewrite(cx: &mut RequestCtx, regex: &Regex, replacement: &Expr, add_args: bool, flag: RewriteFlag) -> Flow {
    let log = cx.location.ir.conf.rewrite.log;
    let subject = std::mem::take(&mut cx.uri);
    let matched = regex.run(cx, &subject);
    cx.uri = subject;
    if log {
        let verb = if matched { "matches" } else { "does not match" };
        let uri = String::from_utf8_lossy(&cx.uri);
        cx.error(Level::Notice, format_args!("\"{}\" {verb} \"{uri}\"", regex.shown()));
    }
    if !matched {
        return Flow::Next;
    }
    if let Some(status) = redirects(replacement, flag) {
        return Flow::Leave(redirect(cx, replacement, add_args, status, log));
    }
    cx.internal = true;
    cx.uri_untouched = false;
    cx.valid_location &= flag != RewriteFlag::Break;
    cx.uri_changed = flag != RewriteFlag::Break;
    let (uri, args) = expand(cx, replacement, false);
    match args {
        Some(mut args) => {
            if add_args && !cx.args.is_empty() {
                args.push(b'&');
                args.extend_from_slice(&cx.args);
            }
            cx.args = args;
        }
        None if !add_args => cx.args.clear(),
        None => {}
    }
    if log {
        let (uri, args) = (String::from_utf8_lossy(&uri), String::from_utf8_lossy(&cx.args));
        cx.error(Level::Notice, format_args!("rewritten data: \"{uri}\", args: \"{args}\""));
    }
    if uri.is_empty() {
        cx.error(Level::Error, format_args!("the rewritten URI has a zero length"));
        return Flow::Leave(Step::Fail(Status(500)));
    }
    cx.uri = uri;
    if matches!(flag, RewriteFlag::None) { Flow::Next } else { Flow::Stop }
}

/// The status of a rewrite that sends the client elsewhere.
fn redirects(replacement: &Expr, flag: RewriteFlag) -> Option<u16> {
    let absolute = match replacement.parts.first() {
        Some(Part::Text(text)) => {
            text.starts_with(b"http://") || text.starts_with(b"https://") || text.starts_with(b"$scheme")
        }
        Some(Part::Var(rkeep_parsers::ir::expr::Var::Builtin(rkeep_parsers::ir::expr::Builtin::Scheme))) => true,
        _ => false,
    };
    match flag {
        RewriteFlag::Permanent => Some(301),
        RewriteFlag::Redirect => Some(302),
        _ if absolute => Some(302),
        _ => None,
    }
}

fn redirect(cx: &mut RequestCtx, replacement: &Expr, add_args: bool, status: u16, log: bool) -> Step {
    let (target, args) = expand(cx, replacement, true);
    let mut target = unescape_redirect(&target);
    let has_args = args.is_some();
    if let Some(args) = args {
        target.push(b'?');
        target.extend_from_slice(&args);
    }
    if add_args && !cx.args.is_empty() {
        target.push(if has_args { b'&' } else { b'?' });
        target.extend_from_slice(&cx.args);
    }
    if log {
        cx.error(Level::Notice, format_args!("rewritten redirect: \"{}\"", String::from_utf8_lossy(&target)));
    }
    cx.out.fields.remove(b"Location");
    cx.out.fields.push(b"Location", &target);
    Step::Fail(Status(status))
}

/// Captures were escaped; what a path may hold is shown plainly again, up to the arguments.
fn unescape_redirect(target: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(target.len());
    let mut rest = target;
    while let Some((&byte, tail)) = rest.split_first() {
        let pair = rest.get(..3).filter(|pair| pair.starts_with(b"%"));
        let decoded =
            pair.map(unescape).filter(|decoded| decoded.len() == 1).and_then(|decoded| decoded.first().copied());
        match decoded {
            Some(plain) if plain > b'%' && plain < 0x7f => {
                out.push(plain);
                rest = rest.get(3..).unwrap_or_default();
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    out
}

/// The replacement with its captures and variables: the path, and the arguments where the text has a `?`.
fn expand(cx: &RequestCtx, replacement: &Expr, quote: bool) -> (Vec<u8>, Option<Vec<u8>>) {
    let (mut path, mut args) = (Vec::new(), None::<Vec<u8>>);
    for part in &replacement.parts {
        match part {
            Part::Text(text) if args.is_none() => match text.iter().position(|byte| *byte == b'?') {
                Some(at) => {
                    path.extend_from_slice(text.get(..at).unwrap_or_default());
                    args = Some(text.get(at + 1..).unwrap_or_default().to_vec());
                }
                None => path.extend_from_slice(text),
            },
            Part::Capture(group) => {
                let captures = cx.captures.borrow();
                let value = captures.get(usize::from(*group));
                let escaped = (quote || args.is_some()) && cx.quoted_uri;
                let out = args.as_mut().unwrap_or(&mut path);
                if escaped { escape(value, Escape::Args, out) } else { out.extend_from_slice(value) }
            }
            part => cx.eval_part(part, args.as_mut().unwrap_or(&mut path)),
        }
    }
    (path, args)
}
