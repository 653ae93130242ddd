//! `ngx_http_scgi_module`. `scgi_pass` itself is a handler: see `lower::nginx`.

use crate::nginx::backend::backend_module;
use crate::table::value::{Param, TempPath};

backend_module! {
    /// How requests go to SCGI servers and answers come back.
    Scgi module "ngx_http_scgi_module" prefix "scgi_" {
        /// Where temporary files are.
        #[row("temp_path", default = "scgi_temp")]
        pub temp_path: TempPath,
        /// Parameters of the request; one set replaces the outer level's whole.
        #[row("param")]
        pub param: Vec<Param>,
        /// The size of the socket's buffer for receiving.
        #[row("socket_rcvbuf", refused = "it is not built yet")]
        pub socket_rcvbuf: Option<crate::table::value::Size>,
        /// The size of the socket's buffer for sending.
        #[row("socket_sndbuf", refused = "it is not built yet")]
        pub socket_sndbuf: Option<crate::table::value::Size>,
    }
}
