//! nginx's `geo`: a variable whose value depends on an address; `split_clients`: one that depends on a hash.

use std::net::{IpAddr, Ipv4Addr};

use super::expr::{Expr, UserVar};
use crate::source::Span;

/// One `geo` block.
#[derive(Clone, Debug)]
pub struct Geo {
    /// The variable that gets the value.
    pub var: UserVar,
    /// Whose value is the address; the client's own where none is named.
    pub source: Option<Expr>,
    /// Proxies whose `X-Forwarded-For` counts instead of their own address.
    pub proxies: Vec<(IpAddr, u8)>,
    /// Whether trusted addresses in that list are skipped.
    pub recursive: bool,
    /// What belongs to which value.
    pub places: Places,
    /// The value of all other addresses; empty unless written.
    pub default: Vec<u8>,
    /// `volatile`: looked up anew at each use.
    pub volatile: bool,
}

/// The places of a [`Geo`].
#[derive(Clone, Debug)]
pub enum Places {
    /// Networks; the one with the longest prefix counts.
    Networks(Vec<(IpAddr, u8, Vec<u8>)>),
    /// Ranges in order, none within another.
    Ranges(Vec<(Ipv4Addr, Ipv4Addr, Vec<u8>)>),
}

/// One `split_clients` block.
#[derive(Clone, Debug)]
pub struct Split {
    /// The variable that gets the value.
    pub var: UserVar,
    /// What is hashed.
    pub key: Expr,
    /// Values, each with the hash it ends before; none for what is left.
    pub parts: Vec<(Option<u32>, Expr)>,
    /// The block.
    pub span: Span,
}
