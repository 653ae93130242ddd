//! `ngx_http_v2_module`.

use crate::table::Directives;
use crate::table::value::{Number, Size};

/// HTTP/2 of a server.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_v2_module", within(http, server))]
pub struct Http2 {
    /// Whether it is spoken.
    #[row("http2", default = "off")]
    pub on: bool,
    /// How many requests a client may have under way.
    #[row("http2_max_concurrent_streams", default = "128")]
    pub max_concurrent_streams: Number,
    /// Bytes of a body that a client may send before it is asked to.
    #[row("http2_body_preread_size", default = "64k")]
    pub body_preread_size: Size,
}

/// HTTP/2 of a location.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_v2_module", within(http, server, location))]
pub struct Http2Answer {
    /// The most bytes of one frame of an answer.
    #[row("http2_chunk_size", default = "8k")]
    pub chunk_size: Size,
}
