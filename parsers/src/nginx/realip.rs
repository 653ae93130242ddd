//! `ngx_http_realip_module`.

use crate::table::Directives;
use crate::table::value::{RealIpHeader, Trusted};

/// Whose word about the client's address counts.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_realip_module", within(http, server, location))]
pub struct RealIp {
    /// Proxies whose word counts.
    #[row("set_real_ip_from")]
    pub from: Trusted,
    /// Where they say it.
    #[row("real_ip_header", default = "X-Real-IP")]
    pub header: RealIpHeader,
    /// Whether trusted addresses at the end of a list are skipped.
    #[row("real_ip_recursive", default = "off")]
    pub recursive: bool,
}
