//! The stable words of [`Cause::kind`](super::Cause): what those who act on facts may ask for.

/// As it is when an engine starts; no change.
pub const START: &str = "start";
/// As it is after a reload.
pub const RELOAD: &str = "reload";
/// A real server has changed because of a check. The cause's value counts its failing checks.
pub const CHECK: &str = "check";
/// One of several checks has changed, its real server has not.
pub const CHECK_ONLY: &str = "check-only";
/// A real server that starts down (`alpha`) was checked for the first time and is down.
pub const FIRST_CHECK: &str = "first-check";
/// A quorum was gained or lost.
pub const QUORUM: &str = "quorum";
/// A lease of the proxy's was given or has run out.
pub const LEASE: &str = "lease";
/// A router's box cannot serve what its addresses are for.
pub const UNABLE: &str = "unable";
/// The master was not heard for too long.
pub const TIMEOUT: &str = "timeout";
/// A router follows another one of its sync group.
pub const GROUP: &str = "group";
/// The engine ends.
pub const STOP: &str = "stop";
