//! Zones in which nginx counts requests and connections by a key.

use super::expr::Expr;
use crate::source::Span;

/// A `limit_req_zone` or `limit_conn_zone`.
#[derive(Clone, Debug)]
pub struct LimitZone {
    /// Its name.
    pub name: String,
    /// What is counted by; requests whose key is empty are not.
    pub key: Expr,
    /// The same as written.
    pub written: String,
    /// Bytes of memory: how many keys it may know.
    pub size: u64,
    /// Requests a second in thousandths; none for a zone that counts connections.
    pub rate: Option<u64>,
    /// The directive.
    pub span: Span,
}
