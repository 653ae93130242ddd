//! `ngx_http_secure_link_module`.

use crate::ir::expr::Expr;
use crate::table::Directives;

/// Links that only who knows a secret can make.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_secure_link_module", within(http, server, location))]
pub struct SecureLink {
    /// The hash that came with the request, and until when it is valid.
    #[row("secure_link")]
    pub link: Option<Expr>,
    /// What must have that hash.
    #[row("secure_link_md5")]
    pub md5: Option<Expr>,
    /// The word that is hashed with the rest of the path.
    #[row("secure_link_secret", within(location))]
    pub secret: Option<String>,
}
