//! Directives that each module of a backend's protocol has under names of its own: `fastcgi_read_timeout` is to
//! `fastcgi_pass` what `proxy_read_timeout` is to `proxy_pass`.

/// Writes the struct of such a module: `module "ngx_http_…_module", prefix "…_"`, then what only this one has.
macro_rules! backend_module {
    ($(#[$doc:meta])* $name:ident module $module:literal prefix $prefix:literal {
        $($(#[$own:meta])* pub $field:ident: $type:ty,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, $crate::table::Directives)]
        #[directives(module = $module, prefix = $prefix, within(http, server, location))]
        pub struct $name {
            /// The address connections are made from.
            #[row("bind")]
            pub bind: Option<$crate::table::value::Bind>,
            /// Whether connections to backends are probed for life.
            #[row("socket_keepalive", default = "off")]
            pub socket_keepalive: bool,
            /// How long a connection may take.
            #[row("connect_timeout", default = "60s")]
            pub connect_timeout: $crate::table::value::Msec,
            /// The longest silence between two writes to the backend.
            #[row("send_timeout", default = "60s")]
            pub send_timeout: $crate::table::value::Msec,
            /// The longest silence between two reads from the backend.
            #[row("read_timeout", default = "60s")]
            pub read_timeout: $crate::table::value::Msec,
            /// Whether the answer is read as fast as the backend sends it.
            #[row("buffering", default = "on")]
            pub buffering: bool,
            /// Whether the body is read whole before it is passed.
            #[row("request_buffering", default = "on")]
            pub request_buffering: bool,
            /// The buffer for the answer's head.
            #[row("buffer_size", default = "4k")]
            pub buffer_size: $crate::table::value::Size,
            /// Buffers for the answer.
            #[row("buffers", default = "8 4k")]
            pub buffers: $crate::table::value::Buffers,
            /// How much of them may be on its way to the client.
            #[row("busy_buffers_size")]
            pub busy_buffers_size: Option<$crate::table::value::Size>,
            /// How much a temporary file may take; 0 for none.
            #[row("max_temp_file_size", default = "1024m")]
            pub max_temp_file_size: $crate::table::value::Size,
            /// How much is written to it at once.
            #[row("temp_file_write_size")]
            pub temp_file_write_size: Option<$crate::table::value::Size>,
            /// Bytes a second from the backend; 0 is any.
            #[row("limit_rate", default = "0", by = crate::table::value::set_rate)]
            pub limit_rate: $crate::ir::expr::Expr,
            /// Whether the request's header is passed.
            #[row("pass_request_headers", default = "on")]
            pub pass_request_headers: bool,
            /// Whether the request's body is passed.
            #[row("pass_request_body", default = "on")]
            pub pass_request_body: bool,
            /// Whether `error_page` holds for the backend's errors.
            #[row("intercept_errors", default = "off")]
            pub intercept_errors: bool,
            /// Whether the backend goes on when the client has left.
            #[row("ignore_client_abort", default = "off")]
            pub ignore_client_abort: bool,
            /// Whether ranges are served from answers that do not offer them.
            #[row("force_ranges", default = "off")]
            pub force_ranges: bool,
            /// When a request goes to the next server.
            #[row("next_upstream", default = "error timeout")]
            pub next_upstream: $crate::table::value::NextUpstream,
            /// How many tries at most; 0 is any.
            #[row("next_upstream_tries", default = "0")]
            pub next_upstream_tries: $crate::table::value::Number,
            /// How long tries may go on; 0 is any.
            #[row("next_upstream_timeout", default = "0")]
            pub next_upstream_timeout: $crate::table::value::Msec,
            /// Fields of the answer that are not passed.
            #[row("hide_header")]
            pub hide_header: Vec<String>,
            /// Fields of the answer that are passed although they are hidden by default.
            #[row("pass_header")]
            pub pass_header: Vec<String>,
            /// Fields of the answer that rkeep itself does not heed.
            #[row("ignore_headers", by = crate::table::value::set_flags)]
            pub ignore_headers: $crate::table::value::Words,
            /// Where answers are stored as files.
            #[row("store")]
            pub store: Option<$crate::table::value::Store>,
            /// The permissions of these files.
            #[row("store_access", default = "user:rw")]
            pub store_access: $crate::table::value::StoreAccess,
            /// The cache that answers are kept in.
            #[row("cache", default = "off")]
            pub cache: $crate::table::value::CacheName,
            /// What an answer is found by.
            #[row("cache_key")]
            pub cache_key: Option<$crate::ir::expr::Expr>,
            /// When the cache is not asked.
            #[row("cache_bypass")]
            pub cache_bypass: $crate::table::value::AnyOf,
            /// When an answer is not kept.
            #[row("no_cache")]
            pub no_cache: $crate::table::value::AnyOf,
            /// How long answers are kept that do not say so themselves.
            #[row("cache_valid")]
            pub cache_valid: Vec<$crate::table::value::CacheValid>,
            /// How often an answer is asked for before it is kept.
            #[row("cache_min_uses", default = "1")]
            pub cache_min_uses: $crate::table::value::Number,
            /// From which byte on ranges go to the backend.
            #[row("cache_max_range_offset")]
            pub cache_max_range_offset: Option<$crate::table::value::Offset>,
            /// When an old answer is better than none.
            #[row("cache_use_stale", default = "off")]
            pub cache_use_stale: $crate::table::value::NextUpstream,
            /// The methods whose answers are kept.
            #[row("cache_methods", default = "GET HEAD")]
            pub cache_methods: $crate::table::value::CacheMethods,
            /// Whether one request at a time fetches an answer.
            #[row("cache_lock", default = "off")]
            pub cache_lock: bool,
            /// How long the others wait for it.
            #[row("cache_lock_timeout", default = "5s")]
            pub cache_lock_timeout: $crate::table::value::Msec,
            /// How long it may take until another tries.
            #[row("cache_lock_age", default = "5s")]
            pub cache_lock_age: $crate::table::value::Msec,
            /// Whether the backend is asked if an old answer has changed.
            #[row("cache_revalidate", default = "off")]
            pub cache_revalidate: bool,
            /// Whether an old answer is served while a new one is fetched.
            #[row("cache_background_update", default = "off")]
            pub cache_background_update: bool,
            $($(#[$own])* pub $field: $type,)*
        }

        impl $name {
            /// The same in the words of `proxy_pass`, whose machinery it is that serves them.
            pub fn as_proxy(&self) -> $crate::nginx::Proxy {
                $crate::nginx::backend::as_proxy!(self;
                    bind socket_keepalive connect_timeout send_timeout read_timeout buffering request_buffering
                    buffer_size buffers busy_buffers_size max_temp_file_size temp_file_write_size limit_rate
                    pass_request_headers pass_request_body intercept_errors ignore_client_abort force_ranges
                    next_upstream next_upstream_tries next_upstream_timeout hide_header pass_header ignore_headers
                    store store_access cache cache_key cache_bypass no_cache cache_valid cache_min_uses
                    cache_max_range_offset cache_use_stale cache_methods cache_lock cache_lock_timeout cache_lock_age
                    cache_revalidate cache_background_update temp_path
                )
            }
        }
    };
}

macro_rules! as_proxy {
    ($of:expr; $($field:ident)*) => {
        $crate::nginx::Proxy {
            redirect: $crate::table::value::Redirects::Off,
            cache_convert_head: true,
            $($field: $of.$field.clone(),)*
            ..$crate::nginx::Proxy::default()
        }
    };
}

pub(crate) use {as_proxy, backend_module};
