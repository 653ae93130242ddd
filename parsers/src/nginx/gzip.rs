//! `ngx_http_gzip_filter_module`, and the gzip words of the core module.

use crate::table::Directives;
use crate::table::value::{Buffers, GzipProxied, MediaTypes, Number, Size, Words};

/// When and how answers are compressed.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_gzip_filter_module", within(http, server, location))]
pub struct Gzip {
    /// Whether.
    #[row("gzip", default = "off", within(http, server, location, location_if))]
    pub on: bool,
    /// Buffers for the compressed answer.
    #[row("gzip_buffers", default = "32 4k")]
    pub buffers: Buffers,
    /// Media types besides text/html.
    #[row("gzip_types", default = "text/html")]
    pub types: MediaTypes,
    /// 1 (fast) to 9 (small).
    #[row("gzip_comp_level", default = "1", by = crate::table::value::set_gzip_level)]
    pub level: Number,
    /// The window.
    #[row("gzip_window", ignored = "rkeep's compressor sizes its window itself")]
    pub window: Option<Size>,
    /// The hash.
    #[row("gzip_hash", ignored = "rkeep's compressor sizes its hash itself")]
    pub hash: Option<Size>,
    /// Whether compression waits for a full buffer.
    #[row("postpone_gzipping", default = "0")]
    pub postpone: Size,
    /// Whether a client that sends no length gets no window.
    #[row("gzip_no_buffer", ignored = "rkeep flushes as the backend does")]
    pub no_buffer: Option<bool>,
    /// Shorter answers are left alone.
    #[row("gzip_min_length", default = "20")]
    pub min_length: Size,
    /// Whether `Vary: Accept-Encoding` is sent.
    #[row("gzip_vary", default = "off")]
    pub vary: bool,
    /// The least protocol version.
    #[row("gzip_http_version", default = "1.1")]
    pub http_version: crate::table::value::HttpVersion,
    /// Which answers to requests that came through a proxy are compressed.
    #[row("gzip_proxied", default = "off")]
    pub proxied: GzipProxied,
    /// Browsers that get none: patterns of User-Agent.
    #[row("gzip_disable", by = crate::table::value::set_patterns)]
    pub disable: Option<Words>,
}
