//! `ngx_http_ssi_filter_module`

use crate::table::Directives;
use crate::table::value::{MediaTypes, Size};

/// Server-side includes.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_ssi_filter_module", within(http, server, location))]
pub struct Ssi {
    /// Whether commands in answers are run.
    #[row("ssi", default = "off", within(http, server, location, location_if))]
    pub on: bool,
    /// Whether a command that fails leaves nothing in its place.
    #[row("ssi_silent_errors", default = "off")]
    pub silent_errors: bool,
    /// The longest value of a parameter.
    #[row("ssi_value_length", default = "256")]
    pub value_length: Size,
    /// Media types besides text/html.
    #[row("ssi_types", default = "text/html")]
    pub types: MediaTypes,
    /// The least part of a file that is sent from it.
    #[row("ssi_min_file_chunk", ignored = "rkeep reads what it looks for commands in")]
    pub min_file_chunk: Option<Size>,
    /// Buffers that would be used again.
    #[row("ssi_ignore_recycled_buffers", ignored = "rkeep has no such buffers")]
    pub ignore_recycled_buffers: Option<bool>,
    /// Whether the answer keeps the date of its page.
    #[row("ssi_last_modified", default = "off")]
    pub last_modified: bool,
}
