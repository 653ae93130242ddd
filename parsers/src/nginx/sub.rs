//! `ngx_http_sub_filter_module`.

use crate::table::Directives;
use crate::table::value::{MediaTypes, SubRule};

/// Strings replaced in answers.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_sub_filter_module", within(http, server, location))]
pub struct Sub {
    /// What is replaced by what; of two that match at one place the first counts.
    #[row("sub_filter")]
    pub rules: Vec<SubRule>,
    /// Media types besides text/html.
    #[row("sub_filter_types", default = "text/html")]
    pub types: MediaTypes,
    /// Whether each string is replaced only once.
    #[row("sub_filter_once", default = "on")]
    pub once: bool,
    /// Whether `Last-Modified` stays.
    #[row("sub_filter_last_modified", default = "off")]
    pub last_modified: bool,
}
