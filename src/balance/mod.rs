//! Choosing a server of a pool, and forgiving it its failures. Pure: the clock and chance are arguments.
//!
//! [`Pool`] is one generation's view of an `upstream`; the counters behind it ([`registry`]) outlive reloads. A request
//! makes an [`Attempt`], asks [`Pool::pick`] for a peer as often as it may try, and returns each by [`Pool::release`].

mod attempt;
mod crc32;
mod failure;
mod group;
mod hash;
mod ip_hash;
mod ketama;
mod least_conn;
mod pool;
mod random;
mod registry;
mod round_robin;
mod standing;

#[cfg(test)]
mod tests;

pub use attempt::{Attempt, Key};
pub use failure::{Outcome, PeerState};
pub use group::{Group, Peer};
pub use pool::{Choice, Pool, Released};
pub use registry::Registry;
pub use standing::{Standing, State};

/// Seconds since the epoch, never going backwards.
pub type Seconds = i64;
