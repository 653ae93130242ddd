//! Caches of answers.

use std::path::PathBuf;
use std::time::Duration;

use crate::source::Span;

/// A `proxy_cache_path`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePath {
    /// The directory.
    pub path: PathBuf,
    /// How many digits name each level of directories.
    pub levels: Vec<u8>,
    /// The name of its zone.
    pub name: String,
    /// Bytes of the zone: how many keys it may know.
    pub keys_zone_size: u64,
    /// What nobody asked for so long is removed.
    pub inactive: Duration,
    /// The most bytes of all files.
    pub max_size: Option<u64>,
    /// The least bytes that stay free on the file system.
    pub min_free: u64,
    /// Whether answers are first written to `proxy_temp_path`.
    pub use_temp_path: bool,
    /// The directive.
    pub span: Span,
}
