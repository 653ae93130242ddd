//! What touches several files: findings that no file shows by itself. Silent on a sound pair.

mod alone;
mod answer;
mod cycle;
mod nat;
mod pair;
mod reach;
pub mod script;
mod service;
mod twice;

use std::net::{IpAddr, SocketAddr};

use crate::diag::Diagnostic;
use crate::ir::Ir;
use crate::ir::http::{Address, Listener};
use crate::source::{FileId, Span};

/// One configuration, and how far its files were moved in the map they share with the others.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The model.
    pub ir: &'a Ir,
    /// Added to its file ids.
    pub moved: u32,
}

impl Side<'_> {
    /// A span of this configuration, in the common map.
    pub fn span(self, span: Span) -> Span {
        if span.is_written() { Span { file: FileId(span.file.0 + self.moved), ..span } } else { span }
    }
}

/// What is known of a box and of its peer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sides<'a> {
    /// nginx.conf
    pub nginx: Option<Side<'a>>,
    /// keepalived.conf
    pub keepalived: Option<Side<'a>>,
    /// The peer's keepalived.conf
    pub peer: Option<Side<'a>>,
}

/// All findings between the files.
pub fn findings(sides: &Sides<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let (Some(nginx), Some(keepalived)) = (sides.nginx, sides.keepalived) {
        found.extend(answer::findings(nginx, keepalived));
        found.extend(cycle::findings(nginx, keepalived));
    }
    if let Some(keepalived) = sides.keepalived {
        found.extend(alone::findings(keepalived));
        found.extend(nat::findings(keepalived));
        found.extend(service::findings(keepalived));
        found.extend(twice::findings(keepalived));
    }
    if let (Some(own), Some(peer)) = (sides.keepalived, sides.peer) {
        found.extend(pair::findings(own, peer));
    }
    found
}

/// Whether a listener takes connections to an address.
fn listens(listener: &Listener, to: IpAddr) -> bool {
    let Address::Inet(bound) = &listener.address else { return false };
    let both = bound.is_ipv6() && listener.options.ipv6only == Some(false);
    bound.ip() == to || (bound.ip().is_unspecified() && (bound.is_ipv4() == to.is_ipv4() || both))
}

/// Whether a listener takes connections to an address and port.
fn takes(listener: &Listener, to: SocketAddr) -> bool {
    matches!(&listener.address, Address::Inet(bound) if bound.port() == to.port()) && listens(listener, to.ip())
}
