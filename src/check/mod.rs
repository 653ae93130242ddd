//! Checks of real servers: whether each answers, and whether enough of a virtual server's do.
//!
//! [`machine`] decides about one check, [`service`] about a virtual server with its real servers and its [`quorum`]
//! (all pure); [`tcp`] probes; [`drive`] keeps the deadlines and says the facts that `lvs`, mail and scripts live on.

pub mod address;
pub mod drive;
pub mod dump;
pub mod machine;
pub mod quorum;
pub mod service;
pub mod tcp;

pub use drive::run;

#[cfg(test)]
mod tests;
