//! `ngx_http_userid_filter_module`.

use crate::table::Directives;
use crate::table::value::{Number, UseridExpires, UseridMark, UseridMode, Words};

/// Cookies by which clients are told apart.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_userid_filter_module", within(http, server, location))]
pub struct Userid {
    /// Whether they are given out, and in which form.
    #[row("userid", default = "off")]
    pub mode: UseridMode,
    /// What stands for the server that gave a cookie out; its address where nothing is written.
    #[row("userid_service")]
    pub service: Option<Number>,
    /// The cookie's name.
    #[row("userid_name", default = "uid")]
    pub name: String,
    /// Its domain.
    #[row("userid_domain", default = "none")]
    pub domain: String,
    /// Its path.
    #[row("userid_path", default = "/")]
    pub path: String,
    /// How long it lasts.
    #[row("userid_expires", default = "off")]
    pub expires: UseridExpires,
    /// Its flags.
    #[row("userid_flags", default = "off", by = crate::table::value::set_flags)]
    pub flags: Words,
    /// What `P3P` says beside it.
    #[row("userid_p3p", default = "none")]
    pub p3p: String,
    /// A sign at its end: cookies without it are sent anew.
    #[row("userid_mark", default = "off")]
    pub mark: UseridMark,
}
