//! `ngx_http_fastcgi_module`. `fastcgi_pass` itself is a handler: see `lower::nginx`.

use crate::ir::http::Regex;
use crate::nginx::backend::backend_module;
use crate::table::value::{Param, TempPath};

backend_module! {
    /// How requests go to FastCGI servers and answers come back.
    FastCgi module "ngx_http_fastcgi_module" prefix "fastcgi_" {
        /// Where temporary files are.
        #[row("temp_path", default = "fastcgi_temp")]
        pub temp_path: TempPath,
        /// Parameters of the request; one set replaces the outer level's whole.
        #[row("param")]
        pub param: Vec<Param>,
        /// What is added to a path that ends with a slash.
        #[row("index")]
        pub index: Option<String>,
        /// Tells the script from what follows it in the path.
        #[row("split_path_info")]
        pub split_path_info: Option<Regex>,
        /// Words of stderr that make an answer invalid.
        #[row("catch_stderr")]
        pub catch_stderr: Vec<String>,
        /// Whether connections are kept open after an answer.
        #[row("keep_conn", default = "off")]
        pub keep_conn: bool,
        /// SO_SNDLOWAT has no effect on Linux.
        #[row("send_lowat", ignored = "Linux has no such option for sending")]
        pub send_lowat: Option<crate::table::value::Size>,
        /// The size of the socket's buffer for receiving.
        #[row("socket_rcvbuf", refused = "it is not built yet")]
        pub socket_rcvbuf: Option<crate::table::value::Size>,
        /// The size of the socket's buffer for sending.
        #[row("socket_sndbuf", refused = "it is not built yet")]
        pub socket_sndbuf: Option<crate::table::value::Size>,
    }
}
