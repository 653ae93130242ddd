//! `ngx_http_mirror_module`

use crate::table::Directives;
use crate::table::value::Mirrors;

/// Copies of requests.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_mirror_module", within(http, server, location))]
pub struct Mirror {
    /// The URIs that copies go to.
    #[row("mirror", default = "off")]
    pub to: Mirrors,
    /// Whether the body goes with them.
    #[row("mirror_request_body", default = "on")]
    pub request_body: bool,
}
