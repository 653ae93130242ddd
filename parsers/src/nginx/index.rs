//! `ngx_http_index_module`.

use crate::table::Directives;
use crate::table::value::Exprs;

/// Files shown for directories.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_index_module", within(http, server, location))]
pub struct Index {
    /// Names tried in order; one that begins with `/` is a URI.
    #[row("index", default = "index.html")]
    pub files: Exprs,
}
