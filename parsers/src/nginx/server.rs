//! `ngx_http_core_module`, the part that belongs to a server as a whole.

use crate::table::Directives;
use crate::table::value::{Buffers, Msec, Number, Size};

/// Values of a server.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_core_module", within(http, server))]
pub struct HttpServer {
    /// Memory for a connection; rkeep allocates as needed.
    #[row("connection_pool_size", by = crate::table::value::set_pool_size, ignored = "rkeep has no memory pools")]
    pub connection_pool_size: Option<Size>,
    /// Memory for a request; rkeep allocates as needed.
    #[row("request_pool_size", by = crate::table::value::set_pool_size, ignored = "rkeep has no memory pools")]
    pub request_pool_size: Option<Size>,
    /// How long a client may take to send its request's head.
    #[row("client_header_timeout", default = "60s")]
    pub client_header_timeout: Msec,
    /// The buffer into which a request's head is read first.
    #[row("client_header_buffer_size", default = "1k")]
    pub client_header_buffer_size: Size,
    /// Buffers for longer heads: number and size; a line must fit in one.
    #[row("large_client_header_buffers", default = "4 8k")]
    pub large_client_header_buffers: Buffers,
    /// Whether header lines with odd names are dropped.
    #[row("ignore_invalid_headers", default = "on")]
    pub ignore_invalid_headers: bool,
    /// Whether `_` may stand in the names of header lines.
    #[row("underscores_in_headers", default = "off")]
    pub underscores_in_headers: bool,
    /// Whether `//` in a path is one `/`.
    #[row("merge_slashes", default = "on")]
    pub merge_slashes: bool,
    /// How many header lines a request may have.
    #[row("max_headers", default = "1000")]
    pub max_headers: Number,
}
