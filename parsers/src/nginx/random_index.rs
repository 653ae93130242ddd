//! `ngx_http_random_index_module`.

use crate::table::Directives;

/// Any file for a directory.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_random_index_module", within(location))]
pub struct RandomIndex {
    /// Whether any file stands for its directory.
    #[row("random_index", default = "off")]
    pub on: bool,
}
