//! `ngx_http_grpc_module`. `grpc_pass` itself is a handler: see `lower::nginx`.

use super::Proxy;
use crate::ir::expr::Expr;
use crate::nginx::backend::as_proxy;
use crate::table::Directives;
use crate::table::value::{Bind, Buffers, HeaderPair, Msec, NextUpstream, Number, Size, Words};

/// How requests go to gRPC servers and answers come back.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_grpc_module", prefix = "grpc_", within(http, server, location))]
pub struct Grpc {
    /// The address connections are made from.
    #[row("bind")]
    pub bind: Option<Bind>,
    /// Whether connections to backends are probed for life.
    #[row("socket_keepalive", default = "off")]
    pub socket_keepalive: bool,
    /// The size of the socket's buffer for receiving.
    #[row("socket_rcvbuf", refused = "it is not built yet")]
    pub socket_rcvbuf: Option<Size>,
    /// The size of the socket's buffer for sending.
    #[row("socket_sndbuf", refused = "it is not built yet")]
    pub socket_sndbuf: Option<Size>,
    /// How long a connection may take.
    #[row("connect_timeout", default = "60s")]
    pub connect_timeout: Msec,
    /// The longest silence between two writes to the backend.
    #[row("send_timeout", default = "60s")]
    pub send_timeout: Msec,
    /// The longest silence between two reads from the backend.
    #[row("read_timeout", default = "60s")]
    pub read_timeout: Msec,
    /// The most bytes that the answer's head may have.
    #[row("buffer_size", default = "4k")]
    pub buffer_size: Size,
    /// Whether `error_page` holds for the backend's errors.
    #[row("intercept_errors", default = "off")]
    pub intercept_errors: bool,
    /// When a request goes to the next server.
    #[row("next_upstream", default = "error timeout")]
    pub next_upstream: NextUpstream,
    /// How many tries at most; 0 is any.
    #[row("next_upstream_tries", default = "0")]
    pub next_upstream_tries: Number,
    /// How long tries may go on; 0 is any.
    #[row("next_upstream_timeout", default = "0")]
    pub next_upstream_timeout: Msec,
    /// Header fields sent to the backend; one set replaces the outer level's whole.
    #[row("set_header")]
    pub set_header: Vec<HeaderPair>,
    /// Fields of the answer that are not passed.
    #[row("hide_header")]
    pub hide_header: Vec<String>,
    /// Fields of the answer that are passed although they are hidden by default.
    #[row("pass_header")]
    pub pass_header: Vec<String>,
    /// Fields of the answer that rkeep itself does not heed.
    #[row("ignore_headers", by = crate::table::value::set_flags)]
    pub ignore_headers: Words,
}

impl Grpc {
    /// The same in the words of `proxy_pass`, whose machinery it is that serves them.
    pub fn as_proxy(&self) -> Proxy {
        let common = as_proxy!(self;
            bind socket_keepalive connect_timeout send_timeout read_timeout buffer_size intercept_errors
            next_upstream next_upstream_tries next_upstream_timeout set_header hide_header pass_header ignore_headers
        );
        Proxy {
            pass_request_headers: true,
            pass_request_body: true,
            pass_trailers: true,
            limit_rate: Expr::text(b"0".to_vec()),
            buffers: Buffers { count: 8, size: self.buffer_size.0 },
            ..common
        }
    }
}
