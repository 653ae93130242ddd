//! Answers of backends that are kept. Pure: [`key`] names them, [`freshness`] judges them, [`record`] is what stands
//! before their bodies in files. [`zone`] knows what there is, [`keeper`] bounds it; a request looks in [`lookup`]
//! and what it fetches goes through [`saving`].

mod caches;
mod freshness;
mod keeper;
mod key;
mod lookup;
mod record;
mod saving;
mod zone;

pub use caches::Caches;
pub use freshness::{Ignored, Times, Verdict, judge};
pub use lookup::{Decision, Entry, Lookup, begin, tell, truthy};
pub use record::Record;
pub use saving::Saving;
pub use zone::Fetching;

/// What became of a request at its cache, as `$upstream_cache_status` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It was not there.
    Miss,
    /// The cache was not asked.
    Bypass,
    /// It was too old, and fetched anew.
    Expired,
    /// It was too old, and served for want of better.
    Stale,
    /// It was too old, and served while somebody fetches it.
    Updating,
    /// It was too old, and the backend says that it has not changed.
    Revalidated,
    /// It was there.
    Hit,
}

impl Status {
    /// As the variable shows it.
    pub fn shown(self) -> &'static str {
        match self {
            Status::Miss => "MISS",
            Status::Bypass => "BYPASS",
            Status::Expired => "EXPIRED",
            Status::Stale => "STALE",
            Status::Updating => "UPDATING",
            Status::Revalidated => "REVALIDATED",
            Status::Hit => "HIT",
        }
    }
}

/// What variables tell of a request's cache.
#[derive(Debug, Default)]
pub struct Told {
    /// `$upstream_cache_status`
    pub status: Option<Status>,
    /// `$upstream_cache_last_modified`
    pub last_modified: Option<i64>,
    /// `$upstream_cache_etag`
    pub etag: Vec<u8>,
    /// Of a request in the background: it was made to fetch this.
    pub fetching: Option<Fetching>,
}
