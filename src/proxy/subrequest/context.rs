//! The context of a subrequest.

use std::rc::Rc;

use rkeep_parsers::table::value::Level;

use crate::proxy::body::{ClientBody, Stored};
use crate::proxy::request::{RequestCtx, Role};

/// How deep subrequests may be nested.
const DEEPEST: u8 = 50;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The path, decoded.
    pub uri: Vec<u8>,
    /// The arguments.
    pub args: Vec<u8>,
    /// The method; GET where none is said.
    pub method: Option<Vec<u8>>,
    /// The body that was read for the client's request comes along.
    pub with_body: bool,
    /// No body is wanted.
    pub head_only: bool,
    /// What goes wrong is not answered by a page.
    pub no_pages: bool,
}

/// Makes the context of a subrequest: the client's head and connection, variables shared, everything else anew. None
/// where they are nested too deep.
pub fn make(cx: &RequestCtx, ask: Ask) -> Option<Box<RequestCtx>> {
    let depth = match cx.role {
        Role::Main => 1,
        Role::Subrequest { depth, .. } => depth + 1,
    };
    if depth > DEEPEST {
        let uri = String::from_utf8_lossy(&ask.uri).into_owned();
        cx.error(Level::Error, format_args!("subrequests cycle while processing \"{uri}\""));
        return None;
    }
    let conn = Rc::new(cx.conn.for_subrequest());
    let mut child = RequestCtx::new(conn, cx.snapshot.clone(), cx.server.clone());
    child.role = Role::Subrequest { depth, pages: !ask.no_pages };
    child.shared = cx.shared.clone();
    child.head.clone_from(&cx.head);
    child.method.extend_from_slice(ask.method.as_deref().unwrap_or(b"GET"));
    child.uri = ask.uri;
    child.args = ask.args;
    child.uri_untouched = false;
    child.internal = true;
    child.host.extend_from_slice(&cx.host);
    child.host_port = cx.host_port;
    child.body = body(cx, ask.with_body);
    child.out.header_only = ask.head_only;
    child.request_id = cx.request_id.clone();
    child.real = cx.real.clone();
    // Whoever was counted for the client is not counted again.
    (child.limits.req, child.limits.conn) = (cx.limits.req, cx.limits.conn);
    child.limit_rate = cx.limit_rate;
    Some(child)
}

/// Makes a context like the request's own where it is now, to do the same once more.
pub fn twin(cx: &RequestCtx) -> Option<Box<RequestCtx>> {
    let ask = Ask {
        uri: cx.uri.clone(),
        args: cx.args.clone(),
        method: Some(cx.method.clone()),
        with_body: true,
        ..Ask::default()
    };
    let mut twin = make(cx, ask)?;
    twin.location = cx.location.clone();
    twin.uri_untouched = cx.uri_untouched;
    twin.valid_location = cx.valid_location;
    twin.uri_below_alias = cx.uri_below_alias;
    twin.internal = cx.internal;
    twin.captures.clone_from(&cx.captures);
    Some(twin)
}

/// The body as a subrequest has it: what has been read, or none; it never reads from the client.
fn body(cx: &RequestCtx, wanted: bool) -> ClientBody {
    let stored = if wanted { cx.body.stored.clone() } else { Stored::Memory(Vec::new()) };
    let content_length = cx.body.content_length;
    ClientBody { content_length, received: stored.len(), stored, done: true, ..ClientBody::default() }
}
