//! nginx's phases in their order. Internal redirects, `error_page`, `try_files` and rewrites enter again at a step.

pub mod access;
pub mod auth_basic;
pub mod content;
pub mod error_page;
pub mod find;
pub mod gate;
pub mod mirror;
pub mod preaccess;
pub mod rewrite;
pub mod script;
pub mod try_files;

use crate::proxy::boxed::boxed;
use rkeep_parsers::table::value::Level;

use super::body::Body;
use super::filters::{self, Prepared};
use super::realip;
use super::request::{Answer, RequestCtx, Status};

/// Where a request goes on.
#[derive(Debug)]
pub enum Step {
    /// The request has been read: the server's word on whose it is.
    PostRead,
    /// The server's own rewrite directives.
    ServerRewrite,
    /// The location is looked for.
    FindLocation,
    /// The location's rewrite directives.
    Rewrite,
    /// Limits.
    Preaccess,
    /// `allow`, `deny`, passwords, `auth_request`.
    Access,
    /// `try_files`
    TryFiles,
    /// `mirror`
    Mirror,
    /// What answers here.
    Content,
    /// Something went wrong, or a status is the answer.
    Fail(Status),
    /// The head is in `cx.out`, the body here.
    Send(Body),
}

/// How a request ends.
#[derive(Debug)]
pub enum End {
    /// An answer is to be sent.
    Answer(Prepared),
    /// Nothing is sent and the connection closes; the status is for the log.
    Silent(u16),
}

/// Runs a request through its phases.
pub async fn run(cx: &mut RequestCtx, mut step: Step) -> End {
    loop {
        step = match step {
            Step::PostRead => {
                realip::apply(cx);
                rewrite::server(cx)
            }
            Step::ServerRewrite => rewrite::server(cx),
            Step::FindLocation => find::location(cx),
            Step::Rewrite => rewrite::location(cx),
            Step::Preaccess => preaccess::run(cx).await,
            Step::Access => gate::run(cx).await,
            Step::TryFiles => try_files::run(cx),
            Step::Mirror if cx.conf().mirror.to.0.is_empty() => Step::Content,
            Step::Mirror => boxed(|| mirror::run(cx)).await,
            Step::Content => match content::run(cx).await {
                Ok(Answer::Body(body)) => Step::Send(body),
                Ok(Answer::Redirect { uri, args }) => redirect(cx, uri, args),
                Ok(Answer::Named(name)) => named(cx, &name),
                Err(status) => Step::Fail(status),
            },
            Step::Fail(Status(status @ (408 | 444 | 499))) => return End::Silent(status),
            Step::Fail(Status(status)) if cx.role.is_plain() || cx.body.gone => return End::Silent(status),
            Step::Fail(status) => error_page::handle(cx, status),
            Step::Send(body) => match filters::prepare(cx, body) {
                Ok(prepared) => return End::Answer(prepared),
                Err(status) => Step::Fail(status),
            },
        };
    }
}

/// Sends a request to another URI of its server.
pub fn redirect(cx: &mut RequestCtx, uri: Vec<u8>, args: Vec<u8>) -> Step {
    if !spend(cx, &uri) {
        return Step::Fail(Status(500));
    }
    cx.uri = uri;
    cx.args = args;
    cx.uri_untouched = false;
    cx.valid_location = true;
    cx.uri_below_alias = false;
    cx.internal = true;
    cx.location = cx.server.root.clone();
    Step::ServerRewrite
}

/// Sends a request to a named location.
pub fn named(cx: &mut RequestCtx, name: &[u8]) -> Step {
    if !spend(cx, name) {
        return Step::Fail(Status(500));
    }
    if cx.uri.is_empty() {
        cx.error(Level::Error, format_args!("empty URI in redirect to named location \"{}\"", name.escape_ascii()));
        return Step::Fail(Status(500));
    }
    let found = cx.server.named.get(name).and_then(|index| cx.snapshot.location(*index)).cloned();
    let Some(location) = found else {
        cx.error(Level::Error, format_args!("could not find named location \"{}\"", name.escape_ascii()));
        return Step::Fail(Status(500));
    };
    cx.internal = true;
    cx.uri_changed = false;
    cx.uri_below_alias = false;
    cx.location = location;
    find::enter(cx);
    Step::Rewrite
}

/// Counts a redirect; false when there have been too many.
fn spend(cx: &mut RequestCtx, target: &[u8]) -> bool {
    let left = cx.redirects_left.checked_sub(1);
    cx.redirects_left = left.unwrap_or(0);
    if left.is_none() {
        let target = String::from_utf8_lossy(target);
        let text = format_args!("rewrite or internal redirection cycle while internally redirecting to \"{target}\"");
        cx.error(Level::Error, text);
    }
    left.is_some()
}
