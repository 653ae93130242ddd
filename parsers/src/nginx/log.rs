//! `access_log` and `error_log`. `log_format` is a block-free directive of `http` that the lowering takes.

use crate::table::Directives;
use crate::table::value::Words;
pub use crate::table::value::{AccessLogs, ErrorLog};

/// The access log of a location.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_log_module", within(http, server, location))]
pub struct HttpLog {
    /// Where requests are logged, and how.
    #[row(
        "access_log",
        default = "logs/access.log combined",
        within(http, server, location, location_if, limit_except)
    )]
    pub access_log: AccessLogs,
    /// The cache of open log files.
    #[row("open_log_file_cache", default = "off")]
    pub open_log_file_cache: Words,
}
