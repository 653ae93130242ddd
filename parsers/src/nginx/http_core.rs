//! `ngx_http_core_module`, the part that may differ from location to location.

use crate::ir::expr::Expr;
use crate::nginx::log::ErrorLog;
use crate::table::Directives;
use crate::table::value::{
    AnyOf, BodyInFile, Buffers, ErrorPage, IfModifiedSince, KeepaliveTimeout, Lingering, Msec, Number, Offset,
    PathTemplate, Present, Resolver, Satisfy, ServerTokens, Size, TempPath, TryFiles, Types, Words,
};

/// Core values of a location.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_http_core_module", within(http, server, location))]
pub struct HttpCore {
    /// The directory that the request's path is looked up in.
    #[row("root", default = "html", within(http, server, location, location_if))]
    pub root: PathTemplate,
    /// What the location's prefix is replaced by.
    #[row("alias", own, within(location))]
    pub alias: Option<PathTemplate>,
    /// Whether only internal redirects come here.
    #[row("internal", own, within(location))]
    pub internal: Present,
    /// Files tried in order, then a URI or a status.
    #[row("try_files", own, within(server, location))]
    pub try_files: Option<TryFiles>,
    /// Pages shown for statuses.
    #[row("error_page", within(http, server, location, location_if))]
    pub error_page: Vec<ErrorPage>,
    /// Where errors go, and which.
    #[row("error_log")]
    pub error_log: Vec<ErrorLog>,
    /// Media types of suffixes; written as a block.
    #[row("types", by = crate::table::value::set_types)]
    pub types: Types,
    /// The media type of other files.
    #[row("default_type", default = "text/plain")]
    pub default_type: String,
    /// nginx's hash of types; rkeep sizes its own.
    #[row("types_hash_max_size", ignored = "rkeep sizes its tables itself")]
    pub types_hash_max_size: Option<Number>,
    /// nginx's hash of types; rkeep sizes its own.
    #[row("types_hash_bucket_size", ignored = "rkeep sizes its tables itself")]
    pub types_hash_bucket_size: Option<Number>,
    /// nginx's hash of names; rkeep sizes its own.
    #[row("server_names_hash_max_size", within(http), ignored = "rkeep sizes its tables itself")]
    pub server_names_hash_max_size: Option<Number>,
    /// nginx's hash of names; rkeep sizes its own.
    #[row("server_names_hash_bucket_size", within(http), ignored = "rkeep sizes its tables itself")]
    pub server_names_hash_bucket_size: Option<Number>,
    /// nginx's hash of variables; rkeep sizes its own.
    #[row("variables_hash_max_size", within(http), ignored = "rkeep sizes its tables itself")]
    pub variables_hash_max_size: Option<Number>,
    /// nginx's hash of variables; rkeep sizes its own.
    #[row("variables_hash_bucket_size", within(http), ignored = "rkeep sizes its tables itself")]
    pub variables_hash_bucket_size: Option<Number>,
    /// Whether files go out by sendfile(2).
    #[row("sendfile", default = "off", within(http, server, location, location_if))]
    pub sendfile: bool,
    /// How much one sendfile(2) may send.
    #[row("sendfile_max_chunk", default = "2m")]
    pub sendfile_max_chunk: Size,
    /// Whether heads and files leave in full packets.
    #[row("tcp_nopush", default = "off")]
    pub tcp_nopush: bool,
    /// Whether small packets leave at once.
    #[row("tcp_nodelay", default = "on")]
    pub tcp_nodelay: bool,
    /// How long an idle connection stays; the second time is told to the client.
    #[row("keepalive_timeout", default = "75s")]
    pub keepalive_timeout: KeepaliveTimeout,
    /// How many requests one connection may carry.
    #[row("keepalive_requests", default = "1000")]
    pub keepalive_requests: Number,
    /// How old a connection may get.
    #[row("keepalive_time", default = "1h")]
    pub keepalive_time: Msec,
    /// How long an idle connection stays at least, whatever else would close it.
    #[row("keepalive_min_timeout", default = "0")]
    pub keepalive_min_timeout: Msec,
    /// When early hints of a backend are passed on.
    #[row("early_hints")]
    pub early_hints: AnyOf,
    /// What is run once an answer has been sent; the client sees nothing of it.
    #[row("post_action", within(http, server, location, location_if))]
    pub post_action: Option<String>,
    /// Browsers that get no keepalive.
    #[row("keepalive_disable", default = "msie6", by = crate::table::value::set_flags)]
    pub keepalive_disable: Words,
    /// The longest body taken; 0 is any.
    #[row("client_max_body_size", default = "1m")]
    pub client_max_body_size: Offset,
    /// The body that is kept in memory.
    #[row("client_body_buffer_size", default = "16k")]
    pub client_body_buffer_size: Size,
    /// The longest silence within a body.
    #[row("client_body_timeout", default = "60s")]
    pub client_body_timeout: Msec,
    /// Where longer bodies wait.
    #[row("client_body_temp_path", default = "client_body_temp")]
    pub client_body_temp_path: TempPath,
    /// Whether every body goes to a file.
    #[row("client_body_in_file_only", default = "off")]
    pub client_body_in_file_only: BodyInFile,
    /// Whether a body in memory is one piece.
    #[row("client_body_in_single_buffer", default = "off")]
    pub client_body_in_single_buffer: bool,
    /// The longest silence of a client that takes an answer.
    #[row("send_timeout", default = "60s")]
    pub send_timeout: Msec,
    /// Data is sent once so much of it is there.
    #[row("send_lowat", ignored = "Linux has no such option for sending")]
    pub send_lowat: Option<Size>,
    /// The least that a packet of an answer should hold.
    #[row("postpone_output", default = "1460")]
    pub postpone_output: Size,
    /// Bytes a second to one client; 0 is any.
    #[row("limit_rate", default = "0", within(http, server, location, location_if), by = crate::table::value::set_rate)]
    pub limit_rate: Expr,
    /// What is sent before the limit holds.
    #[row("limit_rate_after", default = "0", within(http, server, location, location_if), by = crate::table::value::set_rate)]
    pub limit_rate_after: Expr,
    /// Whether and for whom a closed connection is read on.
    #[row("lingering_close", default = "on")]
    pub lingering_close: Lingering,
    /// How long at most.
    #[row("lingering_time", default = "30s")]
    pub lingering_time: Msec,
    /// How long it may be silent.
    #[row("lingering_timeout", default = "5s")]
    pub lingering_timeout: Msec,
    /// Whether a timed-out connection is reset.
    #[row("reset_timedout_connection", default = "off")]
    pub reset_timedout_connection: bool,
    /// Whether redirects of rkeep's own name the scheme and host.
    #[row("absolute_redirect", default = "on")]
    pub absolute_redirect: bool,
    /// Whether they name the server's first name instead of the request's.
    #[row("server_name_in_redirect", default = "off")]
    pub server_name_in_redirect: bool,
    /// Whether they name the port.
    #[row("port_in_redirect", default = "on")]
    pub port_in_redirect: bool,
    /// Whether old browsers get pages that are long enough for them.
    #[row("msie_padding", default = "on")]
    pub msie_padding: bool,
    /// Whether old browsers get a refresh instead of a redirect.
    #[row("msie_refresh", default = "off")]
    pub msie_refresh: bool,
    /// Whether a missing file is logged.
    #[row("log_not_found", default = "on")]
    pub log_not_found: bool,
    /// Whether subrequests are logged.
    #[row("log_subrequest", default = "off")]
    pub log_subrequest: bool,
    /// Whether error pages of errors are looked up.
    #[row("recursive_error_pages", default = "off")]
    pub recursive_error_pages: bool,
    /// Whether the version is shown.
    #[row("server_tokens", default = "on")]
    pub server_tokens: ServerTokens,
    /// How If-Modified-Since is compared.
    #[row("if_modified_since", default = "exact")]
    pub if_modified_since: IfModifiedSince,
    /// How many ranges a request may ask for.
    #[row("max_ranges", default = "2147483647")]
    pub max_ranges: Number,
    /// Whether a chunked answer goes to HTTP/1.1 clients.
    #[row("chunked_transfer_encoding", default = "on")]
    pub chunked_transfer_encoding: bool,
    /// Whether an entity tag is made for files.
    #[row("etag", default = "on")]
    pub etag: bool,
    /// Whether `allow` and `auth_basic` must all agree.
    #[row("satisfy", default = "all")]
    pub satisfy: Satisfy,
    /// How long a refusal for a wrong password takes.
    #[row("auth_delay", default = "0s")]
    pub auth_delay: Msec,
    /// Buffers for reading files.
    #[row("output_buffers", default = "2 32k")]
    pub output_buffers: Buffers,
    /// From which size files bypass the page cache.
    #[row("directio", default = "off")]
    pub directio: Words,
    /// Its alignment.
    #[row("directio_alignment", ignored = "rkeep aligns by itself")]
    pub directio_alignment: Option<Size>,
    /// How files are read.
    #[row("aio", default = "off", ignored = "rkeep reads files so that no thread waits")]
    pub aio: Words,
    /// Whether temporary files are written by AIO.
    #[row("aio_write", ignored = "rkeep writes files so that no thread waits")]
    pub aio_write: Option<bool>,
    /// How much the kernel reads ahead.
    #[row("read_ahead", ignored = "the kernel decides")]
    pub read_ahead: Option<Size>,
    /// Whether symbolic links are followed.
    #[row("disable_symlinks", refused = "rkeep cannot check links yet")]
    pub disable_symlinks: Option<Words>,
    /// The cache of open files.
    #[row("open_file_cache", default = "off", by = crate::table::value::set_file_cache)]
    pub open_file_cache: Words,
    /// After what time an entry is checked.
    #[row("open_file_cache_valid", default = "60s")]
    pub open_file_cache_valid: Msec,
    /// How often an entry must be used to stay.
    #[row("open_file_cache_min_uses", default = "1")]
    pub open_file_cache_min_uses: Number,
    /// Whether errors are cached.
    #[row("open_file_cache_errors", default = "off")]
    pub open_file_cache_errors: bool,
    /// The largest subrequest answer kept in memory.
    #[row("subrequest_output_buffer_size", default = "4k")]
    pub subrequest_output_buffer_size: Size,
    /// Name servers.
    #[row("resolver")]
    pub resolver: Option<Resolver>,
    /// How long a name may take.
    #[row("resolver_timeout", default = "30s")]
    pub resolver_timeout: Msec,
}
