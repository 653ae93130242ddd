//! `allow` and `deny`.

use crate::table::Directives;
use crate::table::value::AccessRule;

/// Who may come in.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_access_module", within(http, server, location, limit_except))]
pub struct Access {
    /// The rules in order; the first that matches decides.
    #[row("allow")]
    #[row("deny")]
    pub rules: Vec<AccessRule>,
}
