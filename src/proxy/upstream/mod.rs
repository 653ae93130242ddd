//! The backend side: pools, peers, connections, the answer's codec, retries, streaming, tunnels.

use std::sync::Arc;

use rkeep_parsers::ir::http::ProxyPass;

use super::compile::Location;
use super::request::{Answer, RequestCtx, Status};
use super::sink::Sink;
use crate::plan::ProxyPlan;

/// All pools of a snapshot with the state of their peers.
#[derive(Debug, Default)]
pub struct Upstreams {}

impl Upstreams {
    /// Builds the pools of a plan; peers keep the state they have in `old`.
    ///
    /// # Errors
    /// What cannot be served.
    pub fn compile(_plan: &ProxyPlan, _old: Option<&Upstreams>) -> Result<Upstreams, String> {
        Ok(Upstreams {})
    }
}

/// What a location with `proxy_pass` needs, made once when the configuration is taken over.
#[derive(Debug, Default)]
pub struct Route {}

impl Route {
    /// Prepares a location.
    ///
    /// # Errors
    /// What cannot be served.
    pub fn compile(
        _location: &rkeep_parsers::ir::http::Location,
        _pass: &ProxyPass,
        _plan: &ProxyPlan,
    ) -> Result<Route, String> {
        Ok(Route {})
    }
}

/// A backend's answer whose body is still to be passed on.
#[derive(Debug)]
pub struct AnswerStream {}

impl AnswerStream {
    /// Passes the body on to the client and returns when it has ended either way: whether it is complete.
    pub async fn pump(self: Box<Self>, _cx: &mut RequestCtx, _sink: &mut Sink) -> bool {
        true
    }
}

/// Answers a request from a backend.
///
/// # Errors
/// The status that `error_page` or a built-in page shows.
pub async fn handle(_cx: &mut RequestCtx, _pass: &ProxyPass, _location: &Arc<Location>) -> Result<Answer, Status> {
    Err(Status(502))
}
