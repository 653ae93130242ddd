//! `ngx_http_autoindex_module`.

use crate::table::Directives;
use crate::table::value::ListFormat;

/// Lists of directories.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_autoindex_module", within(http, server, location))]
pub struct Autoindex {
    /// Whether a directory without an index is listed.
    #[row("autoindex", default = "off")]
    pub on: bool,
    /// How.
    #[row("autoindex_format", default = "html")]
    pub format: ListFormat,
    /// Whether times are local ones.
    #[row("autoindex_localtime", default = "off")]
    pub local_time: bool,
    /// Whether sizes are exact.
    #[row("autoindex_exact_size", default = "on")]
    pub exact_size: bool,
}
