//! One directive, one row. A struct with `#[derive(Directives)]` is one nginx module or one keepalived block; each of
//! its fields is one directive. From the same row come the parser, the merge, the default, the message, the manual.
//!
//! ```text
//! #[derive(Clone, Debug, Directives)]
//! #[directives(module = "ngx_http_proxy_module", within(http, server, location))]
//! pub struct Proxy {
//!     /// Longest silence between two reads from the backend.
//!     #[row("proxy_read_timeout", default = "60s", proof = "proxy/timeouts")]
//!     pub read_timeout: Msec,
//! }
//! ```
//! Words of `row`: `default = "…"` (as one would write it), `own` (not inherited), `within(…)` (instead of the
//! struct's), `by = path` (a function in place of the type's parser), `proof = "area/test"`, `ignored = "why"` (taken
//! and without effect, said by check-config), `refused = "why"`. A field may carry several `row`s: other names for the same.

pub mod context;
pub mod index;
pub mod module;
pub mod row;
pub mod value;

pub use context::Contexts;
pub use index::{Entry, Index, Miss};
pub use module::{Module, inherit_field, set_field};
pub use rkeep_macros::Directives;
pub use row::{Arity, Range, Row, Status};
pub use value::{Compat, Cx, Dialect, Fault, Value};
