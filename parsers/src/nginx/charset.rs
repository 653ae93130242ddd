//! `ngx_http_charset_filter_module`. `charset_map` is a block that the lowering takes.

use crate::table::Directives;
use crate::table::value::{CharsetName, MediaTypes};

/// The character set told to clients.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_charset_filter_module", within(http, server, location))]
pub struct Charset {
    /// The set.
    #[row("charset", default = "off", within(http, server, location, location_if))]
    pub charset: CharsetName,
    /// The set of the content; where it differs and a map exists, the content is recoded.
    #[row("source_charset", default = "off", within(http, server, location, location_if))]
    pub source: CharsetName,
    /// Whether the set that the backend names is replaced.
    #[row("override_charset", default = "off", within(http, server, location, location_if))]
    pub override_: bool,
    /// Media types besides text/html.
    #[row(
        "charset_types",
        default = "text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml"
    )]
    pub types: MediaTypes,
}
