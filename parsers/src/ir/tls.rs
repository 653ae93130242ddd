//! Certificates, keys and what else of TLS was read together with the configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The bytes of files by path. They hold keys, so they are never printed.
#[derive(Clone, Default)]
pub struct Files(BTreeMap<PathBuf, Arc<[u8]>>);

impl Files {
    /// The bytes of a file.
    pub fn get(&self, path: &Path) -> Option<&Arc<[u8]>> {
        self.0.get(path)
    }

    /// Adds a file.
    pub fn insert(&mut self, path: PathBuf, bytes: Arc<[u8]>) {
        self.0.insert(path, bytes);
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
