//! `ngx_http_limit_conn_module`. `limit_conn_zone` is taken by the lowering.

use crate::table::Directives;
use crate::table::value::{ConnectionLimits, LimitLevel, LimitStatus};

/// How many requests may be served at a time.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_limit_conn_module", within(http, server, location))]
pub struct LimitConn {
    /// The limits; all must let a request pass.
    #[row("limit_conn")]
    pub limits: ConnectionLimits,
    /// The level at which a refusal is logged.
    #[row("limit_conn_log_level", default = "error")]
    pub log_level: LimitLevel,
    /// The status of a refusal.
    #[row("limit_conn_status", default = "503")]
    pub status: LimitStatus,
    /// Whether limits are only counted and logged.
    #[row("limit_conn_dry_run", default = "off")]
    pub dry_run: bool,
}
