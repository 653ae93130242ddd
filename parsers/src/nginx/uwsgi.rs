//! `ngx_http_uwsgi_module`. `uwsgi_pass` itself is a handler: see `lower::nginx`.

use crate::nginx::backend::backend_module;
use crate::table::value::{Number, Param, TempPath};

backend_module! {
    /// How requests go to uwsgi servers and answers come back.
    Uwsgi module "ngx_http_uwsgi_module" prefix "uwsgi_" {
        /// Where temporary files are.
        #[row("temp_path", default = "uwsgi_temp")]
        pub temp_path: TempPath,
        /// Parameters of the request; one set replaces the outer level's whole.
        #[row("param")]
        pub param: Vec<Param>,
        /// The packet's first modifier.
        #[row("modifier1", default = "0", by = crate::table::value::set_byte)]
        pub modifier1: Number,
        /// The packet's second modifier.
        #[row("modifier2", default = "0", by = crate::table::value::set_byte)]
        pub modifier2: Number,
        /// Bytes that follow the parameters in the packet.
        #[row("string")]
        pub string: Option<String>,
        /// The size of the socket's buffer for receiving.
        #[row("socket_rcvbuf", refused = "it is not built yet")]
        pub socket_rcvbuf: Option<crate::table::value::Size>,
        /// The size of the socket's buffer for sending.
        #[row("socket_sndbuf", refused = "it is not built yet")]
        pub socket_sndbuf: Option<crate::table::value::Size>,
    }
}
