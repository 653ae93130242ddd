//! `ngx_http_addition_filter_module`

use crate::table::Directives;
use crate::table::value::MediaTypes;

/// What is put around answers.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_addition_filter_module", within(http, server, location))]
pub struct Addition {
    /// The URI of what comes first.
    #[row("add_before_body")]
    pub before_body: Option<String>,
    /// The URI of what comes last.
    #[row("add_after_body")]
    pub after_body: Option<String>,
    /// Media types besides text/html.
    #[row("addition_types", default = "text/html")]
    pub types: MediaTypes,
}
