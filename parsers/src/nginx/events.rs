//! `events { … }`.

use crate::table::Directives;
use crate::table::value::{Msec, Number, Trusted};

/// The events block.
#[derive(Clone, Debug, Default, PartialEq, Directives)]
#[directives(module = "ngx_event_core_module", within(events))]
pub struct Events {
    /// How many connections a worker may have.
    #[row("worker_connections", default = "512", by = crate::table::value::set_connections)]
    pub worker_connections: Number,
    /// The method of waiting: `epoll` here, whatever is named.
    #[row("use", by = crate::table::value::set_method)]
    pub method: Option<String>,
    /// Whether to accept all waiting connections at once; rkeep always does.
    #[row("multi_accept", default = "off")]
    pub multi_accept: bool,
    /// nginx's lock around accept.
    #[row("accept_mutex", default = "off")]
    pub accept_mutex: bool,
    /// How long to wait for it.
    #[row("accept_mutex_delay", default = "500ms")]
    pub accept_mutex_delay: Msec,
    /// Clients whose requests are logged at the debug level.
    #[row("debug_connection")]
    pub debug_connection: Trusted,
    /// Outstanding AIO requests.
    #[row("worker_aio_requests", ignored = "rkeep does not use Linux AIO")]
    pub worker_aio_requests: Option<Number>,
}
