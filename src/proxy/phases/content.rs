//! What answers in a location.

use rkeep_parsers::ir::http::Handler;
use rkeep_parsers::table::value::Level;

use crate::proxy::content::{empty_gif, index, random_index, static_file, stub_status};
use crate::proxy::request::{Answer, RequestCtx, Status};
use crate::proxy::upstream;

/// Runs the location's handler.
///
/// # Errors
/// The status that `error_page` or a built-in page shows.
pub async fn run(cx: &mut RequestCtx) -> Result<Answer, Status> {
    let location = cx.location.clone();
    match &location.ir.handler {
        Handler::Proxy(pass) => upstream::handle(cx, pass, &location).await,
        Handler::StubStatus => stub_status::answer(cx),
        Handler::EmptyGif => empty_gif::answer(cx),
        Handler::Static if cx.backend_left => {
            cx.error(Level::Alert, format_args!("no upstream configuration"));
            Err(Status(500))
        }
        Handler::Static if cx.uri.last() == Some(&b'/') => match random_index::answer(cx)? {
            Some(answer) => Ok(answer),
            None => index::answer(cx),
        },
        Handler::Static => static_file::answer(cx),
    }
}
