//! Certificates whose names have variables, kept from one handshake to the next: `ssl_certificate_cache` and its like.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use lru::LruCache;
use rkeep_parsers::table::value::{CertificateCache, Named};
use rustls::sign::CertifiedKey;

use super::context::certify;
use super::keys;

/// Certificates with their keys by the names of both, the one used last first.
#[derive(Debug)]
pub struct Kept {
    inactive: Duration,
    valid: Duration,
    pairs: Mutex<LruCache<(Named, Named), Pair>>,
}

/// A certificate with its key, when it was read, and when it was last used.
#[derive(Debug)]
struct Pair {
    certified: Arc<CertifiedKey>,
    read: Instant,
    used: Instant,
}

impl Kept {
    /// What the directive asks for; none where nothing is kept. A certificate and its key count as two, as in nginx.
    pub fn of(cache: &CertificateCache) -> Option<Kept> {
        let CertificateCache::Kept { max, inactive, valid } = cache else { return None };
        let most = usize::try_from(max.div_ceil(2)).ok().and_then(NonZeroUsize::new)?;
        let mut pairs = LruCache::unbounded();
        // Room is made as certificates come, not for all that may come.
        pairs.resize(most);
        Some(Kept { inactive: inactive.duration(), valid: valid.duration(), pairs: Mutex::new(pairs) })
    }

    fn find(&self, names: &(Named, Named), now: Instant) -> Option<Arc<CertifiedKey>> {
        let mut pairs = self.pairs.lock().unwrap_or_else(PoisonError::into_inner);
        let pair = pairs.get_mut(names)?;
        if now.saturating_duration_since(pair.read) > self.valid
            || now.saturating_duration_since(pair.used) > self.inactive
        {
            pairs.pop(names);
            return None;
        }
        pair.used = now;
        Some(pair.certified.clone())
    }

    fn keep(&self, names: (Named, Named), certified: &Arc<CertifiedKey>, now: Instant) {
        let pair = Pair { certified: certified.clone(), read: now, used: now };
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner).put(names, pair);
    }
}

/// A certificate with its key, as they are kept or else as they are read now. Who needs a password for the key has to give
/// it each time.
///
/// # Errors
/// What is wrong with them.
pub fn pair(
    kept: Option<&Kept>,
    names: (Named, Named),
    passwords: &[Vec<u8>],
    now: Instant,
) -> Result<Arc<CertifiedKey>, String> {
    if let Some(found) = kept.and_then(|kept| kept.find(&names, now)) {
        return Ok(found);
    }
    let (cert, key) = (read(&names.0)?, read(&names.1)?);
    let certified = Arc::new(certify(&cert, &key, passwords)?);
    if let Some(kept) = kept.filter(|_| !keys::is_encrypted(&key)) {
        kept.keep(names, &certified, now);
    }
    Ok(certified)
}

/// What a file with variables in its name holds, now that they have values.
fn read(named: &Named) -> Result<Vec<u8>, String> {
    match named {
        Named::Data(bytes) => Ok(bytes.clone()),
        Named::File(path) => std::fs::read(path).map_err(|error| format!("\"{}\": {error}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rkeep_parsers::table::value::Msec;

    fn made(name: &str) -> (Named, Named) {
        let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
        let data = |text: String| Named::Data(text.into_bytes());
        (data(made.cert.pem()), data(made.signing_key.serialize_pem()))
    }

    #[test]
    fn they_are_kept_for_a_time_and_bounded() {
        let conf = CertificateCache::Kept { max: 4, inactive: Msec(2000), valid: Msec(5000) };
        let kept = Kept::of(&conf).expect("it keeps");
        let (start, names) = (Instant::now(), [made("a"), made("b"), made("c")]);
        let get = |at: usize, second| {
            pair(Some(&kept), names[at].clone(), &[], start + Duration::from_secs(second)).expect("good ones")
        };
        let first = get(0, 0);
        assert!(Arc::ptr_eq(&first, &get(0, 2)), "kept");
        assert!(Arc::ptr_eq(&first, &get(0, 4)), "in use all the time");
        let again = get(0, 6);
        assert!(!Arc::ptr_eq(&first, &again), "too old");
        assert!(!Arc::ptr_eq(&again, &get(0, 9)), "unused for too long");
        let other = get(1, 9);
        get(2, 9);
        assert!(Arc::ptr_eq(&other, &get(1, 9)));
        let newest = get(0, 9);
        assert!(!Arc::ptr_eq(&newest, &again), "it has made room");
        assert!(Kept::of(&CertificateCache::Off).is_none());
    }
}
