//! `open_file_cache`: descriptors, and what is known of files, kept between requests.

use std::collections::HashMap;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{Error, Result};
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use rkeep_parsers::nginx::LocationConf;
use rkeep_parsers::table::value::{parse_number, parse_time};
use rustc_hash::FxBuildHasher;

use crate::proxy::{clock, paths};

/// How long a file may be unused where `inactive` does not say.
const INACTIVE: Duration = Duration::from_secs(60);
/// How many unused files are forgotten at most when another is used.
const FORGOTTEN_AT_ONCE: usize = 2;

/// A file as it was when it was looked at.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its descriptor; directories have none in a cache.
    pub file: Option<Arc<File>>,
    /// Bytes.
    pub len: u64,
    /// When it was changed, seconds since 1970.
    pub mtime: i64,
    /// What it is.
    pub kind: Kind,
    /// Device and inode.
    id: (u64, u64),
}

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// Anything else.
    Other,
}

impl Opened {
    fn new(file: Option<Arc<File>>, meta: &Metadata) -> Opened {
        let kind = match meta.file_type() {
            kind if kind.is_file() => Kind::File,
            kind if kind.is_dir() => Kind::Dir,
            _ => Kind::Other,
        };
        let id = (meta.dev(), meta.ino());
        Opened { file, len: meta.len(), mtime: meta.mtime(), kind, id }
    }
}

/// How a level opens files.
#[derive(Debug)]
pub struct OpenFiles {
    cache: Arc<Cache>,
    valid: Duration,
    min_uses: u64,
    errors: bool,
}

/// Files by path, the one used last first.
#[derive(Debug)]
struct Cache {
    inactive: Duration,
    known: Mutex<LruCache<Box<[u8]>, Known, FxBuildHasher>>,
}

/// What is known of a path.
#[derive(Debug)]
struct Known {
    /// The file, or the number of the error that there was.
    found: std::result::Result<Opened, i32>,
    /// When that was seen.
    seen: Instant,
    used: Instant,
    uses: u64,
}

/// The caches of a configuration: levels that ask for the same share one, so that those that inherit do.
#[derive(Debug, Default)]
pub struct Caches(HashMap<Vec<String>, Arc<Cache>>);

impl Caches {
    /// How the level opens files; none without a cache.
    pub fn of(&mut self, conf: &LocationConf) -> Option<Box<OpenFiles>> {
        let core = &conf.core;
        let words = &core.open_file_cache.0;
        let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let max = value("max").and_then(|max| parse_number(max.as_bytes()));
        let max = NonZeroUsize::new(usize::try_from(max?).unwrap_or(usize::MAX))?;
        let inactive = value("inactive").and_then(|time| parse_time(time.as_bytes(), true));
        let inactive = inactive.map_or(INACTIVE, Duration::from_millis);
        let new = || {
            // Room is made as files come, not for all that may come.
            let mut known = LruCache::unbounded_with_hasher(FxBuildHasher);
            known.resize(max);
            Arc::new(Cache { inactive, known: Mutex::new(known) })
        };
        let cache = self.0.entry(words.clone()).or_insert_with(new).clone();
        let valid = Duration::from_millis(core.open_file_cache_valid.0);
        let min_uses = core.open_file_cache_min_uses.0;
        Some(Box::new(OpenFiles { cache, valid, min_uses, errors: core.open_file_cache_errors }))
    }
}

/// Opens a file, by the level's cache where it has one.
///
/// # Errors
/// Of open(2) and fstat(2).
pub fn open(files: Option<&OpenFiles>, path: &[u8]) -> Result<Opened> {
    match files {
        Some(files) => files.open(path, clock::now()),
        None => open_anew(path),
    }
}

/// What stands at a path, by the level's cache where it has one.
///
/// # Errors
/// Of stat(2).
pub fn look(files: Option<&OpenFiles>, path: &[u8]) -> Result<Kind> {
    match files {
        Some(files) => files.look(path, clock::now()),
        None => look_anew(path).map(|found| found.kind),
    }
}

fn look_anew(path: &[u8]) -> Result<Opened> {
    Ok(Opened::new(None, &std::fs::metadata(paths::from_bytes(path))?))
}

fn open_anew(path: &[u8]) -> Result<Opened> {
    // Without O_NONBLOCK a fifo would stop the thread.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(paths::from_bytes(path))?;
    let meta = file.metadata()?;
    Ok(Opened::new(Some(Arc::new(file)), &meta))
}

/// Looks at a file again: where it is the one that is open, its descriptor stays.
fn look_again(path: &[u8], before: Option<Opened>) -> Result<Opened> {
    if let Some(Opened { file: Some(file), id, .. }) = before {
        let now = look_anew(path)?;
        if now.id == id {
            return Ok(Opened { file: Some(file), ..now });
        }
    }
    open_anew(path)
}

impl OpenFiles {
    fn open(&self, path: &[u8], now: Instant) -> Result<Opened> {
        let before = match self.look_up(path, now, true) {
            Ok(found) => return found.map_err(Error::from_raw_os_error),
            Err(before) => before,
        };
        let found = look_again(path, before);
        self.remember(path, &found, now);
        found
    }

    fn look(&self, path: &[u8], now: Instant) -> Result<Kind> {
        let before = match self.look_up(path, now, false) {
            Ok(found) => return found.map(|found| found.kind).map_err(Error::from_raw_os_error),
            Err(before) => before,
        };
        let found = look_anew(path).map(|found| match before {
            Some(before) if before.id == found.id => Opened { file: before.file, ..found },
            _ => found,
        });
        self.remember(path, &found, now);
        found.map(|found| found.kind)
    }

    /// What is known and still counts; otherwise what was known. `open`: a file must be open to count.
    fn look_up(
        &self,
        path: &[u8],
        now: Instant,
        open: bool,
    ) -> std::result::Result<std::result::Result<Opened, i32>, Option<Opened>> {
        let mut known = self.cache.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entry) = known.get_mut(path) else { return Err(None) };
        (entry.used, entry.uses) = (now, entry.uses + 1);
        let kept =
            entry.found.as_ref().map_or(self.errors, |found| !open || found.file.is_some() || found.kind == Kind::Dir);
        let current = kept && now.saturating_duration_since(entry.seen) < self.valid;
        let found = entry.found.clone();
        self.forget_unused(&mut known, now);
        if current { Ok(found) } else { Err(found.ok()) }
    }

    fn remember(&self, path: &[u8], found: &Result<Opened>, now: Instant) {
        let mut known = self.cache.known.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = known.peek(path).map_or(1, |entry| entry.uses);
        let found = match found {
            Ok(found) => {
                let kept = uses >= self.min_uses && found.kind == Kind::File;
                Ok(Opened { file: found.file.clone().filter(|_| kept), ..*found })
            }
            Err(error) => match error.raw_os_error().filter(|_| self.errors) {
                Some(number) => Err(number),
                None => {
                    known.pop(path);
                    return;
                }
            },
        };
        known.put(path.into(), Known { found, seen: now, used: now, uses });
        self.forget_unused(&mut known, now);
    }

    fn forget_unused(&self, known: &mut LruCache<Box<[u8]>, Known, FxBuildHasher>, now: Instant) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let unused = |(_, last): (_, &Known)| now.saturating_duration_since(last.used) > self.cache.inactive;
            if !known.peek_lru().is_some_and(unused) {
                return;
            }
            known.pop_lru();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(max: usize, min_uses: u64, errors: bool) -> OpenFiles {
        let max = NonZeroUsize::new(max).expect("room");
        let known = Mutex::new(LruCache::with_hasher(max, FxBuildHasher));
        let cache = Arc::new(Cache { inactive: INACTIVE, known });
        OpenFiles { cache, valid: Duration::from_secs(10), min_uses, errors }
    }

    fn known(files: &OpenFiles) -> usize {
        files.cache.known.lock().expect("no panic").len()
    }

    fn directory(name: &str) -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("rkeep-open-files-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        dir
    }

    fn open(files: &OpenFiles, path: &std::path::Path, now: Instant) -> Result<Opened> {
        files.open(path.as_os_str().as_encoded_bytes(), now)
    }

    #[test]
    fn a_file_stays_open_until_it_is_looked_at_again() {
        let (dir, files, start) = (directory("valid"), files(10, 1, false), Instant::now());
        let path = dir.join("a");
        std::fs::write(&path, "one").expect("written");
        let first = open(&files, &path, start).expect("opened").file.expect("open");
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(dir.join("b"), "longer").expect("written");
        std::fs::rename(dir.join("b"), &path).expect("renamed");
        let again = open(&files, &path, start + Duration::from_secs(9)).expect("known");
        assert!(Arc::ptr_eq(&first, &again.file.expect("open")) && again.len == 3, "the old one within `valid`");
        let later = open(&files, &path, start + Duration::from_secs(10)).expect("opened");
        assert!(!Arc::ptr_eq(&first, &later.file.expect("open")) && later.len == 6, "another file after it");
        std::fs::write(&path, "grown longer").expect("written");
        let grown = open(&files, &path, start + Duration::from_secs(20)).expect("opened");
        assert_eq!(grown.len, 12, "the same file is measured anew");
        std::fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn errors_are_known_only_where_that_is_asked_for() {
        let (dir, start) = (directory("errors"), Instant::now());
        let path = dir.join("a");
        let (forgets, keeps) = (files(10, 1, false), files(10, 1, true));
        assert!(open(&forgets, &path, start).is_err() && open(&keeps, &path, start).is_err());
        assert_eq!((known(&forgets), known(&keeps)), (0, 1));
        std::fs::write(&path, "one").expect("written");
        assert!(open(&forgets, &path, start).is_ok());
        let kind = open(&keeps, &path, start).expect_err("still known").kind();
        assert_eq!(kind, std::io::ErrorKind::NotFound);
        assert!(open(&keeps, &path, start + Duration::from_secs(10)).is_ok());
        std::fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn it_holds_no_more_than_it_may() {
        let (dir, files, start) = (directory("max"), files(2, 2, false), Instant::now());
        for name in ["a", "b", "c"] {
            std::fs::write(dir.join(name), name).expect("written");
        }
        let kept = |name: &str| {
            let known = files.cache.known.lock().expect("no panic");
            let entry = known.peek(dir.join(name).as_os_str().as_encoded_bytes());
            entry.map(|entry| entry.found.as_ref().is_ok_and(|found| found.file.is_some()))
        };
        open(&files, &dir.join("a"), start).expect("opened");
        assert_eq!(kept("a"), Some(false), "used once, and asked for are two");
        open(&files, &dir.join("a"), start).expect("opened");
        assert_eq!(kept("a"), Some(true));
        open(&files, &dir.join("b"), start).expect("opened");
        open(&files, &dir.join("c"), start).expect("opened");
        assert_eq!((kept("a"), kept("b")), (None, Some(false)), "the one used longest ago makes room");
        open(&files, &dir.join("c"), start + INACTIVE + Duration::from_secs(1)).expect("opened");
        assert_eq!(known(&files), 1, "what nobody uses is forgotten");
        std::fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn what_was_only_looked_at_is_opened_when_it_is_wanted() {
        let (dir, files, start) = (directory("look"), files(2, 1, true), Instant::now());
        let path = dir.join("a");
        let look = |seconds| files.look(path.as_os_str().as_encoded_bytes(), start + Duration::from_secs(seconds));
        assert!(look(0).is_err());
        std::fs::write(&path, "one").expect("written");
        assert!(look(9).is_err(), "still known");
        assert_eq!(look(10).expect("there"), Kind::File);
        let opened = open(&files, &path, start + Duration::from_secs(11)).expect("opened").file.expect("open");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(look(12).expect("known"), Kind::File);
        let again = open(&files, &path, start + Duration::from_secs(12)).expect("known").file.expect("open");
        assert!(Arc::ptr_eq(&opened, &again));
        std::fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn a_directory_is_known_without_being_open() {
        let (dir, files, start) = (directory("dir"), files(2, 1, false), Instant::now());
        assert_eq!(open(&files, &dir, start).expect("opened").kind, Kind::Dir);
        let again = open(&files, &dir, start).expect("known");
        assert!(again.kind == Kind::Dir && again.file.is_none());
        std::fs::remove_dir_all(dir).expect("removed");
    }
}
