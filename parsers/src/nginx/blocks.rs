//! Directives whose meaning is more than a value: blocks, listeners, the rewrite script, handlers. The lowering takes
//! each by its [`Keyword`].

use crate::table::{Arity, Contexts, Row};

macro_rules! keywords {
    ($(#[doc = $doc:literal] $variant:ident $keyword:literal $module:literal
        in [$($context:ident)*] $arity:expr, $syntax:literal;)*) => {
        /// Which directive.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Keyword { $(#[doc = $doc] $variant),* }

        /// The rows, in the order of [`KEYWORDS`].
        pub const ROWS: &[Row] = &[$(Row::structural(
            $keyword, $module, Contexts::NONE$(.or(Contexts::$context))*, $arity, $syntax, $doc.trim_ascii(),
        )),*];

        /// The keywords, in the order of [`ROWS`].
        pub const KEYWORDS: &[Keyword] = &[$(Keyword::$variant),*];
    };
}

const BLOCK: Arity = Arity::NONE.with_block();

keywords! {
    /// How connections are processed.
    Events "events" "ngx_events_module" in [MAIN] BLOCK, "{ … }";
    /// The HTTP servers.
    Http "http" "ngx_http_module" in [MAIN] BLOCK, "{ … }";
    /// A virtual server.
    Server "server" "ngx_http_core_module" in [HTTP] BLOCK, "{ … }";
    /// The socket a server answers on.
    Listen "listen" "ngx_http_core_module" in [SERVER] Arity::SOME, "address[:port] [parameter …]";
    /// The names a server answers to.
    ServerName "server_name" "ngx_http_core_module" in [SERVER] Arity::SOME, "name …";
    /// What holds for some URIs.
    Location "location" "ngx_http_core_module" in [SERVER LOCATION]
        Arity::range(1, 2).with_block(), "[= | ~ | ~* | ^~] uri | @name { … }";
    /// What holds for all but some methods.
    LimitExcept "limit_except" "ngx_http_core_module" in [LOCATION] Arity::SOME.with_block(), "method … { … }";
    /// A group of backends.
    Upstream "upstream" "ngx_http_upstream_module" in [HTTP] Arity::ONE.with_block(), "name { … }";
    /// One backend.
    UpstreamServer "server" "ngx_http_upstream_module" in [UPSTREAM] Arity::SOME, "address [parameter …]";
    /// Clients stay with a backend by their address.
    IpHash "ip_hash" "ngx_http_upstream_ip_hash_module" in [UPSTREAM] Arity::NONE, "";
    /// The backend with the fewest connections is taken.
    LeastConn "least_conn" "ngx_http_upstream_least_conn_module" in [UPSTREAM] Arity::NONE, "";
    /// Requests stay with a backend by a key.
    Hash "hash" "ngx_http_upstream_hash_module" in [UPSTREAM] Arity::range(1, 2), "key [consistent]";
    /// Any backend is taken.
    Random "random" "ngx_http_upstream_random_module" in [UPSTREAM] Arity::range(0, 2), "[two [least_conn]]";
    /// The memory in which a group's state is shared.
    Zone "zone" "ngx_http_upstream_zone_module" in [UPSTREAM] Arity::range(1, 2), "name [size]";
    /// How many idle connections to backends are kept.
    Keepalive "keepalive" "ngx_http_upstream_keepalive_module" in [UPSTREAM] Arity::range(1, 2), "connections [local]";
    /// A directory of cached answers.
    ProxyCachePath "proxy_cache_path" "ngx_http_proxy_module" in [HTTP]
        Arity::range(2, u8::MAX), "path keys_zone=name:size [parameter …]";
    /// The backend that answers.
    ProxyPass "proxy_pass" "ngx_http_proxy_module" in [LOCATION LOCATION_IF LIMIT_EXCEPT] Arity::ONE, "URL";
    /// A directory of cached answers.
    FastCgiCachePath "fastcgi_cache_path" "ngx_http_fastcgi_module" in [HTTP]
        Arity::range(2, u8::MAX), "path keys_zone=name:size [parameter …]";
    /// The FastCGI server that answers.
    FastCgiPass "fastcgi_pass" "ngx_http_fastcgi_module" in [LOCATION LOCATION_IF] Arity::ONE, "address";
    /// The gRPC server that answers.
    GrpcPass "grpc_pass" "ngx_http_grpc_module" in [LOCATION LOCATION_IF] Arity::ONE, "address";
    /// A directory of cached answers.
    ScgiCachePath "scgi_cache_path" "ngx_http_scgi_module" in [HTTP]
        Arity::range(2, u8::MAX), "path keys_zone=name:size [parameter …]";
    /// The SCGI server that answers.
    ScgiPass "scgi_pass" "ngx_http_scgi_module" in [LOCATION LOCATION_IF] Arity::ONE, "address";
    /// A directory of cached answers.
    UwsgiCachePath "uwsgi_cache_path" "ngx_http_uwsgi_module" in [HTTP]
        Arity::range(2, u8::MAX), "path keys_zone=name:size [parameter …]";
    /// The uwsgi server that answers.
    UwsgiPass "uwsgi_pass" "ngx_http_uwsgi_module" in [LOCATION LOCATION_IF] Arity::ONE, "[protocol://]address";
    /// The memcached server that answers, asked for `$memcached_key`.
    MemcachedPass "memcached_pass" "ngx_http_memcached_module" in [LOCATION LOCATION_IF] Arity::ONE, "address";
    /// Counters of connections and requests.
    StubStatus "stub_status" "ngx_http_stub_status_module" in [SERVER LOCATION] Arity::range(0, 1), "";
    /// A picture of one transparent pixel.
    EmptyGif "empty_gif" "ngx_http_empty_gif_module" in [LOCATION] Arity::NONE, "";
    /// The layout of a line in an access log.
    LogFormat "log_format" "ngx_http_log_module" in [HTTP]
        Arity::range(2, u8::MAX), "name [escape=default|json|none] string …";
    /// Gives a variable a value.
    Set "set" "ngx_http_rewrite_module" in [SERVER SERVER_IF LOCATION LOCATION_IF]
        Arity::range(2, 2), "$variable value";
    /// What holds under a condition.
    If "if" "ngx_http_rewrite_module" in [SERVER LOCATION] Arity::SOME.with_block(), "(condition) { … }";
    /// Changes the URI.
    Rewrite "rewrite" "ngx_http_rewrite_module" in [SERVER SERVER_IF LOCATION LOCATION_IF]
        Arity::range(2, 3), "regex replacement [last | break | redirect | permanent]";
    /// Answers at once.
    Return "return" "ngx_http_rewrite_module" in [SERVER SERVER_IF LOCATION LOCATION_IF]
        Arity::range(1, 2), "code [text] | code URL | URL";
    /// Ends the rewrite script.
    Break "break" "ngx_http_rewrite_module" in [SERVER SERVER_IF LOCATION LOCATION_IF] Arity::NONE, "";
    /// Gives a variable a value that depends on others.
    Map "map" "ngx_http_map_module" in [HTTP] Arity::range(2, 2).with_block(), "string $variable { … }";
    /// Gives a variable a value that depends on an address.
    Geo "geo" "ngx_http_geo_module" in [HTTP] Arity::range(1, 2).with_block(), "[$address] $variable { … }";
    /// Gives a variable one of several values, by shares of all requests.
    SplitClients "split_clients" "ngx_http_split_clients_module" in [HTTP]
        Arity::range(2, 2).with_block(), "string $variable { … }";
    /// A zone that counts requests by a key.
    LimitReqZone "limit_req_zone" "ngx_http_limit_req_module" in [HTTP]
        Arity::range(3, 3), "key zone=name:size rate=rate";
    /// A zone that counts requests being served by a key.
    LimitConnZone "limit_conn_zone" "ngx_http_limit_conn_module" in [HTTP]
        Arity::range(2, 2), "key zone=name:size";
    /// How one character set is written in another.
    CharsetMap "charset_map" "ngx_http_charset_filter_module" in [HTTP]
        Arity::range(2, 2).with_block(), "charset1 charset2 { … }";
    /// Files pulled in.
    Include "include" "ngx_conf_module"
        in [MAIN EVENTS HTTP SERVER LOCATION SERVER_IF LOCATION_IF LIMIT_EXCEPT UPSTREAM] Arity::ONE, "file | mask";
}
