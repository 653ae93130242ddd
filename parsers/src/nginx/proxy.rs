//! `ngx_http_proxy_module`. `proxy_pass` itself is a handler: see `lower::nginx`.

use crate::ir::expr::Expr;
use crate::table::Directives;
use crate::table::value::{
    AnyOf, Bind, Buffers, CacheMethods, CacheName, CacheValid, CookieRewrite, HeaderPair, HttpVersion, Msec,
    NextUpstream, Number, Offset, Redirects, Size, Store, StoreAccess, TempPath, Words,
};

/// How requests go to backends and answers come back.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_proxy_module", within(http, server, location))]
pub struct Proxy {
    /// Header fields sent to the backend; one set replaces the outer level's whole.
    #[row("proxy_set_header")]
    pub set_header: Vec<HeaderPair>,
    /// The body sent to the backend instead of the request's.
    #[row("proxy_set_body")]
    pub set_body: Option<Expr>,
    /// The method sent to the backend instead of the request's.
    #[row("proxy_method")]
    pub method: Option<Expr>,
    /// Whether the request's header is passed.
    #[row("proxy_pass_request_headers", default = "on")]
    pub pass_request_headers: bool,
    /// Whether the request's body is passed.
    #[row("proxy_pass_request_body", default = "on")]
    pub pass_request_body: bool,
    /// The protocol spoken to the backend.
    #[row("proxy_http_version", default = "1.1", by = crate::table::value::set_backend_version)]
    pub http_version: HttpVersion,
    /// Whether fields after the answer's body are passed.
    #[row("proxy_pass_trailers", default = "off")]
    pub pass_trailers: bool,
    /// Whether the body is read whole before it is passed.
    #[row("proxy_request_buffering", default = "on")]
    pub request_buffering: bool,
    /// The address connections are made from.
    #[row("proxy_bind")]
    pub bind: Option<Bind>,
    /// How long a connection may take.
    #[row("proxy_connect_timeout", default = "60s")]
    pub connect_timeout: Msec,
    /// The longest silence between two writes to the backend.
    #[row("proxy_send_timeout", default = "60s")]
    pub send_timeout: Msec,
    /// The longest silence between two reads from the backend.
    #[row("proxy_read_timeout", default = "60s")]
    pub read_timeout: Msec,
    /// SO_SNDLOWAT has no effect on Linux.
    #[row("proxy_send_lowat", ignored = "Linux has no such option for sending")]
    pub send_lowat: Option<Size>,
    /// Whether the answer is read as fast as the backend sends it.
    #[row("proxy_buffering", default = "on")]
    pub buffering: bool,
    /// The buffer for the answer's head.
    #[row("proxy_buffer_size", default = "4k")]
    pub buffer_size: Size,
    /// Buffers for the answer.
    #[row("proxy_buffers", default = "8 4k")]
    pub buffers: Buffers,
    /// How much of them may be on its way to the client.
    #[row("proxy_busy_buffers_size")]
    pub busy_buffers_size: Option<Size>,
    /// How much a temporary file may take; 0 for none.
    #[row("proxy_max_temp_file_size", default = "1024m")]
    pub max_temp_file_size: Size,
    /// How much is written to it at once.
    #[row("proxy_temp_file_write_size")]
    pub temp_file_write_size: Option<Size>,
    /// Where temporary files are.
    #[row("proxy_temp_path", default = "proxy_temp")]
    pub temp_path: TempPath,
    /// Bytes a second from the backend; 0 is any.
    #[row("proxy_limit_rate", default = "0", by = crate::table::value::set_rate)]
    pub limit_rate: Expr,
    /// When a request goes to the next server.
    #[row("proxy_next_upstream", default = "error timeout")]
    pub next_upstream: NextUpstream,
    /// How many tries at most; 0 is any.
    #[row("proxy_next_upstream_tries", default = "0")]
    pub next_upstream_tries: Number,
    /// How long tries may go on; 0 is any.
    #[row("proxy_next_upstream_timeout", default = "0")]
    pub next_upstream_timeout: Msec,
    /// How Location and Refresh are rewritten.
    #[row("proxy_redirect", by = crate::table::value::set_redirect)]
    pub redirect: Redirects,
    /// How a cookie's domain is rewritten.
    #[row("proxy_cookie_domain")]
    pub cookie_domain: Vec<CookieRewrite>,
    /// How a cookie's path is rewritten.
    #[row("proxy_cookie_path")]
    pub cookie_path: Vec<CookieRewrite>,
    /// Which flags a cookie gets.
    #[row("proxy_cookie_flags")]
    pub cookie_flags: Vec<CookieRewrite>,
    /// Fields of the answer that are not passed.
    #[row("proxy_hide_header")]
    pub hide_header: Vec<String>,
    /// Fields of the answer that are passed although they are hidden by default.
    #[row("proxy_pass_header")]
    pub pass_header: Vec<String>,
    /// Fields of the answer that rkeep itself does not heed.
    #[row("proxy_ignore_headers", by = crate::table::value::set_flags)]
    pub ignore_headers: Words,
    /// Whether `error_page` holds for the backend's errors.
    #[row("proxy_intercept_errors", default = "off")]
    pub intercept_errors: bool,
    /// Whether the backend goes on when the client has left.
    #[row("proxy_ignore_client_abort", default = "off")]
    pub ignore_client_abort: bool,
    /// Whether ranges are served from answers that do not offer them.
    #[row("proxy_force_ranges", default = "off")]
    pub force_ranges: bool,
    /// Whether connections to backends are probed for life.
    #[row("proxy_socket_keepalive", default = "off")]
    pub socket_keepalive: bool,
    /// Where answers are stored as files.
    #[row("proxy_store")]
    pub store: Option<Store>,
    /// The permissions of these files.
    #[row("proxy_store_access", default = "user:rw")]
    pub store_access: StoreAccess,
    /// The cache that answers are kept in.
    #[row("proxy_cache", default = "off")]
    pub cache: CacheName,
    /// What an answer is found by; the URL passed where it is not written.
    #[row("proxy_cache_key")]
    pub cache_key: Option<Expr>,
    /// When the cache is not asked.
    #[row("proxy_cache_bypass")]
    pub cache_bypass: AnyOf,
    /// When an answer is not kept.
    #[row("proxy_no_cache")]
    pub no_cache: AnyOf,
    /// How long answers are kept that do not say so themselves.
    #[row("proxy_cache_valid")]
    pub cache_valid: Vec<CacheValid>,
    /// How often an answer is asked for before it is kept.
    #[row("proxy_cache_min_uses", default = "1")]
    pub cache_min_uses: Number,
    /// From which byte on ranges go to the backend.
    #[row("proxy_cache_max_range_offset")]
    pub cache_max_range_offset: Option<Offset>,
    /// When an old answer is better than none.
    #[row("proxy_cache_use_stale", default = "off")]
    pub cache_use_stale: NextUpstream,
    /// The methods whose answers are kept.
    #[row("proxy_cache_methods", default = "GET HEAD")]
    pub cache_methods: CacheMethods,
    /// Whether one request at a time fetches an answer.
    #[row("proxy_cache_lock", default = "off")]
    pub cache_lock: bool,
    /// How long the others wait for it.
    #[row("proxy_cache_lock_timeout", default = "5s")]
    pub cache_lock_timeout: Msec,
    /// How long it may take until another tries.
    #[row("proxy_cache_lock_age", default = "5s")]
    pub cache_lock_age: Msec,
    /// Whether the backend is asked if an old answer has changed.
    #[row("proxy_cache_revalidate", default = "off")]
    pub cache_revalidate: bool,
    /// Whether the backend gets GET for HEAD.
    #[row("proxy_cache_convert_head", default = "on")]
    pub cache_convert_head: bool,
    /// Whether an old answer is served while a new one is fetched.
    #[row("proxy_cache_background_update", default = "off")]
    pub cache_background_update: bool,
    /// nginx's hash of header fields; rkeep sizes its own.
    #[row("proxy_headers_hash_max_size", ignored = "rkeep sizes its tables itself")]
    pub headers_hash_max_size: Option<Number>,
    /// nginx's hash of header fields; rkeep sizes its own.
    #[row("proxy_headers_hash_bucket_size", ignored = "rkeep sizes its tables itself")]
    pub headers_hash_bucket_size: Option<Number>,
}
