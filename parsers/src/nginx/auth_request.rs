//! `ngx_http_auth_request_module`

use crate::table::Directives;
use crate::table::value::{Assignment, OrOff};

/// Who may pass, as another URI says.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_auth_request_module", within(http, server, location))]
pub struct AuthRequest {
    /// The URI that is asked.
    #[row("auth_request", default = "off")]
    pub uri: OrOff,
    /// Variables that get values from its answer.
    #[row("auth_request_set")]
    pub set: Vec<Assignment>,
}
