//! Differences that are meant, each with its reason.

use super::case::Case;
use super::side::Seen;

/// One kind of them.
struct Explained {
    reason: &'static str,
    /// Only against an nginx before this minor version, if any.
    before: Option<u32>,
    fits: fn(&Case, &Seen, &Seen) -> bool,
}

const EXPLAINED: &[Explained] = &[];

/// Why a difference is meant, if it is. `minor` is nginx's version: 31 for 1.31.
pub fn explained(case: &Case, nginx: &Seen, rkeep: &Seen, minor: u32) -> Option<&'static str> {
    let fits = |row: &&Explained| row.before.is_none_or(|before| minor < before) && (row.fits)(case, nginx, rkeep);
    EXPLAINED.iter().find(fits).map(|row| row.reason)
}
