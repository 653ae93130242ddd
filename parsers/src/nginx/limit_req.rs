//! `ngx_http_limit_req_module`. `limit_req_zone` is taken by the lowering.

use crate::table::Directives;
use crate::table::value::{LimitLevel, LimitStatus, RequestLimits};

/// How often requests may come.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_limit_req_module", within(http, server, location))]
pub struct LimitReq {
    /// The limits; all must let a request pass.
    #[row("limit_req")]
    pub limits: RequestLimits,
    /// The level at which a refusal is logged; a delay is one level less.
    #[row("limit_req_log_level", default = "error")]
    pub log_level: LimitLevel,
    /// The status of a refusal.
    #[row("limit_req_status", default = "503")]
    pub status: LimitStatus,
    /// Whether limits are only counted and logged.
    #[row("limit_req_dry_run", default = "off")]
    pub dry_run: bool,
}
