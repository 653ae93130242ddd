//! A thread for each cache that learns at the start which files there are, and keeps them within their bounds.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::key::Hash;
use super::zone::Zone;

/// How often bounds are looked at, at least and at most.
const TURNS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// How often a turn asks whether the cache is still in use.
const STEP: Duration = Duration::from_secs(1);

/// Starts the thread of a cache; it ends with the cache.
pub fn start(zone: &Arc<Zone>) {
    let zone = Arc::downgrade(zone);
    let started = std::thread::Builder::new().name("cache".to_owned()).spawn(move || keep(&zone));
    // Without the thread the cache works and grows.
    drop(started);
}

fn keep(zone: &Weak<Zone>) {
    if let Some(zone) = zone.upgrade().filter(|zone| !zone.index.is_loaded()) {
        load(&zone, &zone.conf.path);
        zone.index.loaded();
    }
    loop {
        let Some(pause) = zone.upgrade().map(|zone| (zone.conf.inactive / 2).clamp(TURNS.0, TURNS.1)) else { return };
        let mut waited = Duration::ZERO;
        while waited < pause {
            std::thread::sleep(STEP);
            waited += STEP;
            match zone.upgrade() {
                None => return,
                Some(zone) if is_full(&zone) => break,
                Some(_) => {}
            }
        }
        if let Some(zone) = zone.upgrade() {
            turn(&zone);
        }
    }
}

fn is_full(zone: &Zone) -> bool {
    zone.conf.max_size.is_some_and(|most| zone.index.size() > most)
}

fn turn(zone: &Zone) {
    remove(zone, zone.index.forget_unused(zone.conf.inactive));
    let most = zone.conf.max_size.unwrap_or(u64::MAX);
    remove(zone, zone.index.forget_oldest(most, zone.capacity()));
    if zone.conf.min_free > 0
        && let Some(missing) = free(&zone.conf.path).and_then(|free| zone.conf.min_free.checked_sub(free))
    {
        let size = zone.index.size().saturating_sub(missing);
        remove(zone, zone.index.forget_oldest(size, usize::MAX));
    }
}

fn remove(zone: &Zone, hashes: Vec<Hash>) {
    for hash in hashes {
        // It may be gone already.
        let _ = fs::remove_file(zone.path(hash));
    }
}

/// Bytes free on a file system.
fn free(path: &Path) -> Option<u64> {
    rustix::fs::statvfs(path).ok().map(|found| found.f_bavail.saturating_mul(found.f_frsize))
}

/// Learns which files there are; what a writer left that did not come to its end is removed.
fn load(zone: &Zone, dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        if meta.is_dir() {
            load(zone, &entry.path());
        } else if let Some(hash) = Hash::of_name(&name) {
            zone.index.found(hash, meta.len());
        } else if name.split_once('.').is_some_and(|(name, _)| Hash::of_name(name).is_some()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
