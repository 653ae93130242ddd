//! `ngx_http_rewrite_module`: its switches. `set if rewrite return break` are a script that the lowering takes.

use crate::table::Directives;

/// Switches of the rewrite module.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_rewrite_module", within(http, server, location, server_if, location_if))]
pub struct Rewrite {
    /// Whether rewrites are logged at the notice level.
    #[row("rewrite_log", default = "off")]
    pub log: bool,
    /// Whether use of a variable without value is logged.
    #[row("uninitialized_variable_warn", default = "on")]
    pub warn: bool,
}
