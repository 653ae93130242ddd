//! `ngx_http_auth_basic_module`.

use crate::table::Directives;
use crate::table::value::{Realm, UserFile};

/// Who may come in by a name and a password.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_auth_basic_module", within(http, server, location, limit_except))]
pub struct AuthBasic {
    /// What the client is told that it needs a password for.
    #[row("auth_basic", default = "off")]
    pub realm: Realm,
    /// The file of names and passwords.
    #[row("auth_basic_user_file")]
    pub user_file: UserFile,
}
