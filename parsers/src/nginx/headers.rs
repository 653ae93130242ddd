//! `ngx_http_headers_filter_module`.

use crate::table::Directives;
use crate::table::value::{AddHeader, Expires};

/// Fields added to answers.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "ngx_http_headers_filter_module", within(http, server, location, location_if))]
pub struct Headers {
    /// `Expires` and `Cache-Control`.
    #[row("expires", default = "off")]
    pub expires: Expires,
    /// Fields added.
    #[row("add_header")]
    pub add_header: Vec<AddHeader>,
    /// Trailer fields added.
    #[row("add_trailer")]
    pub add_trailer: Vec<AddHeader>,
}

impl Headers {
    /// Whether no answer is changed.
    pub fn adds_nothing(&self) -> bool {
        self.expires == Expires::Off && self.add_header.is_empty() && self.add_trailer.is_empty()
    }
}
