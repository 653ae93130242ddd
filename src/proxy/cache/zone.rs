//! What is known in memory of one cache: which files there are, how much they are used, and which answers are being
//! fetched. Shared by all threads and by the generations of the configuration.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rkeep_parsers::ir::cache::CachePath;
use tokio::sync::Notify;

use super::key::Hash;

/// Bytes of a zone that nginx needs for a key: the zone's size says how many it may know.
const BYTES_A_KEY: u64 = 128;

/// A cache as one generation of the configuration has it.
#[derive(Debug)]
pub struct Zone {
    /// Its `proxy_cache_path`.
    pub conf: CachePath,
    /// What is known of it.
    pub index: Arc<Index>,
}

/// What is known of a cache.
#[derive(Debug, Default)]
pub struct Index {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    nodes: HashMap<Hash, Node>,
    /// Bytes of all files.
    size: u64,
    /// All files that were there at the start are known.
    loaded: bool,
}

/// One key.
#[derive(Debug, Default)]
struct Node {
    uses: u64,
    /// Bytes of its file; none where there is none.
    size: Option<u64>,
    used: Option<Instant>,
    /// A status that is answered without asking, and until when.
    error: Option<(u16, i64)>,
    /// Somebody fetches it; another may after this.
    fetched: Option<Instant>,
    waiters: Arc<Notify>,
}

/// What a look at a key gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How often it was asked for, this time included.
    pub uses: u64,
    /// There may be a file.
    pub exists: bool,
    /// A status that is answered without asking, and until when.
    pub error: Option<(u16, i64)>,
}

impl Zone {
    /// The file of a key.
    pub fn path(&self, hash: Hash) -> PathBuf {
        hash.path(&self.conf.path, &self.conf.levels)
    }

    /// How many keys it may know.
    pub fn capacity(&self) -> usize {
        usize::try_from(self.conf.keys_zone_size / BYTES_A_KEY).unwrap_or(usize::MAX).max(1)
    }
}

impl Index {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request for a key.
    pub fn touch(&self, hash: Hash) -> Seen {
        let mut state = self.state();
        let loaded = state.loaded;
        let node = state.nodes.entry(hash).or_default();
        node.uses += 1;
        node.used = Some(Instant::now());
        Seen { uses: node.uses, exists: node.size.is_some() || !loaded, error: node.error }
    }

    /// Takes it upon the caller to fetch a key, unless another does and has time left; `patience` is how long the
    /// caller gets.
    pub fn fetch(self: &Arc<Self>, hash: Hash, patience: Option<Duration>) -> Result<Fetching, Arc<Notify>> {
        let mut state = self.state();
        let node = state.nodes.entry(hash).or_default();
        let now = Instant::now();
        if node.fetched.is_some_and(|until| until > now) {
            return Err(Arc::clone(&node.waiters));
        }
        // Without a limit: as long as it takes.
        node.fetched = Some(now + patience.unwrap_or(Duration::from_secs(1 << 30)));
        Ok(Fetching { index: Arc::clone(self), hash })
    }

    /// Notes a file of a key; what was said of errors is past.
    pub fn stored(&self, hash: Hash, size: u64) {
        let mut state = self.state();
        let node = state.nodes.entry(hash).or_default();
        let before = node.size.replace(size).unwrap_or(0);
        node.used = Some(Instant::now());
        node.error = None;
        state.size = state.size.saturating_sub(before) + size;
    }

    /// Notes a file that was there at the start.
    pub fn found(&self, hash: Hash, size: u64) {
        let mut state = self.state();
        let node = state.nodes.entry(hash).or_default();
        if node.size.is_none() {
            node.size = Some(size);
            node.used.get_or_insert_with(Instant::now);
            state.size += size;
        }
    }

    /// All files that were there at the start are known now.
    pub fn loaded(&self) {
        self.state().loaded = true;
    }

    /// Whether they are.
    pub fn is_loaded(&self) -> bool {
        self.state().loaded
    }

    /// There is no file after all.
    pub fn lost(&self, hash: Hash) {
        let mut state = self.state();
        let before = state.nodes.get_mut(&hash).and_then(|node| node.size.take());
        state.size = state.size.saturating_sub(before.unwrap_or(0));
    }

    /// Answers a status for a key from now on.
    pub fn fail(&self, hash: Hash, status: u16, until: i64) {
        self.state().nodes.entry(hash).or_default().error = Some((status, until));
    }

    /// Bytes of all files.
    pub fn size(&self) -> u64 {
        self.state().size
    }

    /// Forgets keys that nobody has asked for since `inactive`; names those that have files.
    pub fn forget_unused(&self, inactive: Duration) -> Vec<Hash> {
        let now = Instant::now();
        let unused =
            |node: &Node| node.fetched.is_none() && node.used.is_none_or(|used| now.duration_since(used) >= inactive);
        let mut state = self.state();
        let hashes: Vec<Hash> = state.nodes.iter().filter(|(_, node)| unused(node)).map(|(hash, _)| *hash).collect();
        state.forget(&hashes)
    }

    /// Forgets the keys that were asked for longest ago, until files have at most `size` bytes and there are at most
    /// `keys`; names those that have files.
    pub fn forget_oldest(&self, size: u64, keys: usize) -> Vec<Hash> {
        let mut state = self.state();
        if state.size <= size && state.nodes.len() <= keys {
            return Vec::new();
        }
        let idle = state.nodes.iter().filter(|(_, node)| node.fetched.is_none());
        let mut oldest: Vec<_> = idle.map(|(hash, node)| (node.used, *hash, node.size.unwrap_or(0))).collect();
        oldest.sort_unstable();
        let (mut bytes, mut left) = (state.size, state.nodes.len());
        let mut hashes = Vec::new();
        for (_, hash, of_file) in oldest {
            if bytes <= size && left <= keys {
                break;
            }
            // What has no file makes no room for files.
            if left > keys || of_file > 0 {
                bytes -= of_file.min(bytes);
                left -= 1;
                hashes.push(hash);
            }
        }
        state.forget(&hashes)
    }
}

impl State {
    fn forget(&mut self, hashes: &[Hash]) -> Vec<Hash> {
        let mut files = Vec::new();
        for hash in hashes {
            if let Some(size) = self.nodes.remove(hash).and_then(|node| node.size) {
                self.size = self.size.saturating_sub(size);
                files.push(*hash);
            }
        }
        files
    }
}

/// Who fetches a key; ends when dropped, and wakes who waits for it.
#[derive(Debug)]
pub struct Fetching {
    index: Arc<Index>,
    hash: Hash,
}

impl Drop for Fetching {
    fn drop(&mut self) {
        if let Some(node) = self.index.state().nodes.get_mut(&self.hash) {
            node.fetched = None;
            node.waiters.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(n: u8) -> Hash {
        Hash([n; 16])
    }

    #[test]
    fn one_fetches() {
        let index = Arc::new(Index::default());
        let first = index.fetch(hash(1), None).expect("nobody else does");
        assert!(index.fetch(hash(1), None).is_err());
        assert!(index.fetch(hash(2), None).is_ok());
        drop(first);
        let late = index.fetch(hash(1), Some(Duration::ZERO)).expect("it is free again");
        assert!(index.fetch(hash(1), None).is_ok(), "its time is up");
        drop(late);
    }

    #[test]
    fn the_oldest_make_room() {
        let index = Arc::new(Index::default());
        for n in 1..=4 {
            index.touch(hash(n));
            index.stored(hash(n), 100);
        }
        index.stored(hash(1), 50);
        assert_eq!(index.size(), 350);
        let busy = index.fetch(hash(2), None);
        assert_eq!(index.forget_oldest(200, 10), [hash(3), hash(4)], "the first was stored last, the second is busy");
        assert_eq!(index.size(), 150);
        drop(busy);
        assert_eq!(index.forget_oldest(u64::MAX, 1), [hash(2)]);
        assert_eq!(index.forget_unused(Duration::ZERO), [hash(1)]);
        assert_eq!(index.size(), 0);
    }

    #[test]
    fn files_are_looked_for_until_all_are_known() {
        let index = Index::default();
        assert!(index.touch(hash(1)).exists);
        index.found(hash(2), 10);
        index.loaded();
        assert!(!index.touch(hash(3)).exists);
        assert_eq!(index.touch(hash(2)), Seen { uses: 1, exists: true, error: None });
        index.fail(hash(2), 404, 7);
        assert_eq!(index.touch(hash(2)).error, Some((404, 7)));
        index.stored(hash(2), 20);
        assert_eq!(index.touch(hash(2)).error, None);
    }
}
