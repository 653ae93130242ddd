//! `ngx_http_memcached_module`. `memcached_pass` itself is a handler: see `lower::nginx`.

use super::Proxy;
use crate::ir::expr::Expr;
use crate::nginx::backend::as_proxy;
use crate::table::Directives;
use crate::table::value::{Bind, Buffers, Msec, NextUpstream, Number, Size};

/// How answers are fetched from memcached.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_memcached_module", prefix = "memcached_", within(http, server, location))]
pub struct Memcached {
    /// The address connections are made from.
    #[row("bind")]
    pub bind: Option<Bind>,
    /// Whether connections to servers are probed for life.
    #[row("socket_keepalive", default = "off")]
    pub socket_keepalive: bool,
    /// How long a connection may take.
    #[row("connect_timeout", default = "60s")]
    pub connect_timeout: Msec,
    /// The longest silence between two writes to the server.
    #[row("send_timeout", default = "60s")]
    pub send_timeout: Msec,
    /// The longest silence between two reads from the server.
    #[row("read_timeout", default = "60s")]
    pub read_timeout: Msec,
    /// The buffer for the answer.
    #[row("buffer_size", default = "4k")]
    pub buffer_size: Size,
    /// When a request goes to the next server.
    #[row("next_upstream", default = "error timeout")]
    pub next_upstream: NextUpstream,
    /// How many tries at most; 0 is any.
    #[row("next_upstream_tries", default = "0")]
    pub next_upstream_tries: Number,
    /// How long tries may go on; 0 is any.
    #[row("next_upstream_timeout", default = "0")]
    pub next_upstream_timeout: Msec,
    /// The bit of an item's flags by which it is compressed.
    #[row("gzip_flag")]
    pub gzip_flag: Option<Number>,
}

impl Memcached {
    /// The same in the words of `proxy_pass`, whose machinery it is that serves them.
    pub fn as_proxy(&self) -> Proxy {
        let common = as_proxy!(self;
            bind socket_keepalive connect_timeout send_timeout read_timeout buffer_size next_upstream
            next_upstream_tries next_upstream_timeout
        );
        Proxy {
            limit_rate: Expr::text(b"0".to_vec()),
            buffers: Buffers { count: 8, size: self.buffer_size.0 },
            intercept_errors: true,
            ..common
        }
    }
}
