//! `ngx_http_referer_module`.

use crate::table::Directives;
use crate::table::value::{Number, Referers};

/// Where requests may come from.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_referer_module", within(server, location))]
pub struct Referer {
    /// From where; `$invalid_referer` tells the others.
    #[row("valid_referers")]
    pub valid: Referers,
    /// nginx's hash of names; rkeep sizes its own.
    #[row("referer_hash_max_size", ignored = "rkeep sizes its tables itself")]
    pub hash_max_size: Option<Number>,
    /// nginx's hash of names; rkeep sizes its own.
    #[row("referer_hash_bucket_size", ignored = "rkeep sizes its tables itself")]
    pub hash_bucket_size: Option<Number>,
}
