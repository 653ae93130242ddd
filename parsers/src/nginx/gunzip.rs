//! `ngx_http_gunzip_filter_module` and `ngx_http_gzip_static_module`: answers that are compressed already.

use crate::table::Directives;
use crate::table::value::{Buffers, GzipStatic};

/// Whether compressed answers are unpacked for clients that cannot.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_gunzip_filter_module", within(http, server, location))]
pub struct Gunzip {
    /// Whether.
    #[row("gunzip", default = "off")]
    pub on: bool,
    /// Buffers for the unpacked answer.
    #[row("gunzip_buffers", default = "32 4k")]
    pub buffers: Buffers,
}

/// Whether a file's compressed copy is sent in its place.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_gzip_static_module", within(http, server, location))]
pub struct GzipStaticConf {
    /// Whether.
    #[row("gzip_static", default = "off")]
    pub mode: GzipStatic,
}
