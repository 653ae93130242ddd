//! Sessions with neighbours (RFC 5880, 5881): [`control`] knows the bytes, [`machine`] one session, both pure; [`drive`]
//! brings them onto the network.

pub mod control;
mod drive;
pub mod machine;

pub use drive::Sessions;
