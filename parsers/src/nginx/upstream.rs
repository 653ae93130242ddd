//! Words of an `upstream` block that are plain values. `server`, `ip_hash`, `least_conn`, `hash`, `random`, `zone` are
//! taken by the lowering.

use crate::table::Directives;
use crate::table::value::{Msec, Number, Resolver};

/// Idle connections kept to an upstream's servers.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_upstream_keepalive_module", within(upstream))]
pub struct UpstreamKeepalive {
    /// How many idle connections are kept (`keepalive`, taken by the lowering). nginx keeps 32 by default since 1.29.7.
    pub connections: Option<Number>,
    /// `local`: a kept connection serves only the location that made it.
    pub local: bool,
    /// How many requests one may carry.
    #[row("keepalive_requests", default = "1000")]
    pub requests: Number,
    /// How old it may get.
    #[row("keepalive_time", default = "1h")]
    pub time: Msec,
    /// How long it may be idle.
    #[row("keepalive_timeout", default = "60s")]
    pub timeout: Msec,
}

/// Who is asked for names of servers with `resolve`.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_upstream_module", within(upstream))]
pub struct UpstreamResolver {
    /// Name servers; those of `http` where there are none.
    #[row("resolver")]
    pub resolver: Option<Resolver>,
    /// How long a name may take; as in `http` where it is not written.
    #[row("resolver_timeout")]
    pub timeout: Option<Msec>,
}
