//! Sessions that clients take up again: kept here, or by the clients as tickets. Both outlive a reload.

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use lru::LruCache;
use rustls::server::{ProducesTickets, StoresServerSessions};

/// How much of a shared cache a session takes: nginx says that a megabyte holds about 4000.
const SESSION: u64 = 256;

/// The name of a session: that of the protocol where it has 32 bytes, or else a digest of it.
pub type SessionId = [u8; 32];

thread_local! {
    /// What session rustls has last taken up or kept on this thread.
    static NAMED: Cell<Option<SessionId>> = const { Cell::new(None) };
}

/// Does some work of a handshake, and says which session it was about, if it was about one.
pub fn named<R>(work: impl FnOnce() -> R) -> (R, Option<SessionId>) {
    NAMED.set(None);
    let done = work();
    (done, NAMED.take())
}

fn name(session: &[u8]) {
    let digested = || digest(&SHA256, session).as_ref().first_chunk().copied();
    NAMED.set(session.try_into().ok().or_else(digested));
}

/// Caches and keys by name, taken over from one configuration to the next.
#[derive(Clone, Debug, Default)]
pub struct Sessions {
    shared: HashMap<(String, u64), Arc<Store>>,
    /// Keys that are made up here, by how long their tickets are good.
    rings: HashMap<Duration, Arc<Ring>>,
}

impl Sessions {
    /// Those of an older configuration.
    pub fn after(old: Option<&Sessions>) -> Sessions {
        old.cloned().unwrap_or_default()
    }

    /// The cache of a name.
    pub fn shared(&mut self, name: &str, bytes: u64) -> Arc<Store> {
        let key = (name.to_owned(), bytes);
        self.shared.entry(key).or_insert_with(|| Arc::new(Store::new(bytes / SESSION))).clone()
    }

    /// Tickets by these files, or by keys that are made up; `context` tells a server's from others'.
    ///
    /// # Errors
    /// A file has a wrong length, or there is no randomness.
    pub fn tickets(
        &mut self,
        files: &[(String, Arc<[u8]>)],
        lifetime: Duration,
        context: &[u8],
    ) -> Result<Tickets, String> {
        let mut keys = Vec::new();
        for (path, bytes) in files {
            keys.push(Arc::new(Key::of_file(bytes).ok_or_else(|| format!("\"{path}\" must be 48 or 80 bytes"))?));
        }
        let keys = match keys.is_empty() {
            true => Keys::Own(self.rings.entry(lifetime).or_default().clone()),
            false => Keys::Of(keys),
        };
        Ok(Tickets { keys, lifetime, context: context.to_vec() })
    }
}

/// Sessions by their names, each with when it began.
type Kept = LruCache<Vec<u8>, (Instant, Vec<u8>)>;

/// Sessions kept here: the oldest make room.
#[derive(Debug)]
pub struct Store {
    sessions: Mutex<Kept>,
}

impl Store {
    /// Room for so many.
    pub fn new(sessions: u64) -> Store {
        let most = NonZeroUsize::new(usize::try_from(sessions).unwrap_or(usize::MAX).min(1 << 20));
        Store { sessions: Mutex::new(LruCache::new(most.unwrap_or(NonZeroUsize::MIN))) }
    }
}

/// A server's view of a store: sessions of other servers are not its own, and old ones have gone.
#[derive(Debug)]
pub struct View {
    /// The store.
    pub store: Arc<Store>,
    /// What tells the server's sessions from others'.
    pub context: Vec<u8>,
    /// `ssl_session_timeout`
    pub lifetime: Duration,
    /// Sessions of TLSv1.3 may be taken up one time only.
    pub once: bool,
}

impl View {
    fn key(&self, id: &[u8]) -> Vec<u8> {
        [self.context.as_slice(), id].concat()
    }

    fn fresh(&self, key: &[u8], found: Option<(Instant, Vec<u8>)>) -> Option<Vec<u8>> {
        let (_, value) = found.filter(|(since, _)| since.elapsed() <= self.lifetime)?;
        name(key);
        Some(value)
    }

    fn with<R>(&self, work: impl FnOnce(&mut Kept) -> R) -> R {
        work(&mut self.store.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl StoresServerSessions for View {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        name(&key);
        let key = self.key(&key);
        self.with(|sessions| sessions.put(key, (Instant::now(), value)));
        true
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.fresh(key, self.with(|sessions| sessions.get(&self.key(key)).cloned()))
    }

    // nginx's clients may take a session up several times; what comes early with it must not come again.
    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        match self.once {
            true => self.fresh(key, self.with(|sessions| sessions.pop(&self.key(key)))),
            false => self.get(key),
        }
    }

    fn can_cache(&self) -> bool {
        true
    }
}

/// A key of tickets: a name that its tickets begin with, and the secret.
#[derive(Debug)]
struct Key {
    name: [u8; 16],
    secret: LessSafeKey,
}

impl Key {
    /// nginx's files hold a name and two keys; rkeep's tickets need one, so both go into it.
    fn of_file(bytes: &[u8]) -> Option<Key> {
        let (name, keys) = matches!(bytes.len(), 48 | 80).then(|| bytes.split_first_chunk::<16>())??;
        Key::new(*name, digest(&SHA256, keys).as_ref())
    }

    fn random() -> Option<Key> {
        let (mut name, mut secret) = ([0; 16], [0; 32]);
        rand::fill(&mut name).ok()?;
        rand::fill(&mut secret).ok()?;
        Key::new(name, &secret)
    }

    fn new(name: [u8; 16], secret: &[u8]) -> Option<Key> {
        Some(Key { name, secret: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret).ok()?) })
    }
}

/// Keys that are made up, the newest first, each with when that was.
#[derive(Debug, Default)]
struct Ring(Mutex<VecDeque<(u64, Arc<Key>)>>);

impl Ring {
    fn with<R>(&self, work: impl FnOnce(&mut VecDeque<(u64, Arc<Key>)>) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key of now. None is used for longer than its tickets are good, and none kept that has no good ticket left.
    fn newest(&self, now: u64, lifetime: u64) -> Option<Arc<Key>> {
        self.with(|keys| {
            let age = |made: u64| now.saturating_sub(made);
            keys.retain(|(made, _)| age(*made) <= lifetime.saturating_mul(2));
            if keys.front().is_none_or(|(made, _)| age(*made) > lifetime) {
                keys.push_front((now, Arc::new(Key::random()?)));
            }
            keys.front().map(|(_, key)| key.clone())
        })
    }
}

/// Where a server's keys come from.
#[derive(Clone, Debug)]
enum Keys {
    /// Files.
    Of(Vec<Arc<Key>>),
    /// They are made up.
    Own(Arc<Ring>),
}

impl Keys {
    fn newest(&self, now: u64, lifetime: u64) -> Option<Arc<Key>> {
        match self {
            Keys::Of(keys) => keys.first().cloned(),
            Keys::Own(ring) => ring.newest(now, lifetime),
        }
    }

    fn named(&self, name: &[u8; 16]) -> Option<Arc<Key>> {
        let fits = |key: &Arc<Key>| key.name == *name;
        match self {
            Keys::Of(keys) => keys.iter().find(|key| fits(key)).cloned(),
            Keys::Own(ring) => ring.with(|keys| keys.iter().map(|(_, key)| key).find(|key| fits(key)).cloned()),
        }
    }
}

/// Makes and opens tickets: the newest key makes them, all open them.
#[derive(Debug)]
pub struct Tickets {
    keys: Keys,
    lifetime: Duration,
    /// Tickets of other contexts are not opened, even where they are sealed by the same key.
    context: Vec<u8>,
}

impl Tickets {
    fn sealed_with(&self, key: &[u8; 16]) -> Aad<Vec<u8>> {
        Aad::from([key.as_slice(), &self.context].concat())
    }

    fn now(&self) -> u64 {
        u64::try_from(super::accept::now()).unwrap_or(0)
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.lifetime.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let key = self.keys.newest(self.now(), self.lifetime.as_secs())?;
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).ok()?;
        // When it was made goes with it, so that it is not taken longer than a session that is kept here.
        let mut sealed = [&self.now().to_be_bytes()[..], plain].concat();
        let aad = self.sealed_with(&key.name);
        key.secret.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed).ok()?;
        Some([key.name.as_slice(), &nonce, &sealed].concat())
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_first_chunk::<16>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let key = self.keys.named(name)?;
        let mut plain = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let len = key.secret.open_in_place(nonce, self.sealed_with(name), &mut plain).ok()?.len();
        plain.truncate(len);
        let (made, session) = plain.split_first_chunk()?;
        let age = self.now().saturating_sub(u64::from_be_bytes(*made));
        if age > self.lifetime.as_secs() {
            return None;
        }
        self::name(ticket);
        Some(session.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets(files: &[&[u8]]) -> Tickets {
        let files: Vec<_> = files.iter().map(|bytes| ("k".to_owned(), Arc::from(*bytes))).collect();
        Sessions::default().tickets(&files, Duration::from_secs(60), b"a").expect("good keys")
    }

    #[test]
    fn older_keys_still_open() {
        let (old, new) = ([1; 48], [2; 80]);
        let before = tickets(&[&old]);
        let ticket = before.encrypt(b"session").expect("sealed");
        assert_eq!(tickets(&[&new, &old]).decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(tickets(&[&new]).decrypt(&ticket), None);
        assert_eq!(Tickets { context: b"b".to_vec(), ..tickets(&[&old]) }.decrypt(&ticket), None, "another server's");
        let mut forged = ticket.clone();
        *forged.last_mut().expect("bytes") ^= 1;
        assert_eq!(before.decrypt(&forged), None);
    }

    #[test]
    fn old_tickets_are_not_taken() {
        let ticket = tickets(&[&[1; 48]]).encrypt(b"session").expect("sealed");
        let forgetful = Tickets { lifetime: Duration::ZERO, ..tickets(&[&[1; 48]]) };
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(forgetful.decrypt(&ticket), None);
    }

    #[test]
    fn a_made_up_key_outlives_a_reload() {
        let mut first = Sessions::default();
        let ticket =
            first.tickets(&[], Duration::from_secs(9), b"a").and_then(|it| it.encrypt(b"x").ok_or_else(String::new));
        let mut second = Sessions::after(Some(&first));
        let opened =
            second.tickets(&[], Duration::from_secs(9), b"a").expect("a key").decrypt(&ticket.expect("sealed"));
        assert_eq!(opened.as_deref(), Some(&b"x"[..]));
    }

    #[test]
    fn sessions_have_names() {
        let id = [7; 32];
        let view = |once| View {
            store: Arc::new(Store::new(2)),
            context: Vec::new(),
            lifetime: Duration::from_secs(60),
            once,
        };
        let (often, once) = (view(false), view(true));
        for view in [&often, &once] {
            assert_eq!(named(|| view.put(id.to_vec(), vec![1])), (true, Some(id)));
            assert_eq!(named(|| view.take(&id)), (Some(vec![1]), Some(id)));
            assert_eq!(named(|| view.take(&[8; 32])), (None, None));
        }
        assert_eq!(often.take(&id), Some(vec![1]));
        assert_eq!(once.take(&id), None, "a second time");
        let tickets = tickets(&[&[1; 48]]);
        let ticket = tickets.encrypt(b"session").expect("sealed");
        let (first, second) = (named(|| tickets.decrypt(&ticket)), named(|| tickets.decrypt(&ticket)));
        assert!(first.1.is_some());
        assert_eq!(first, second);
    }

    #[test]
    fn made_up_keys_are_replaced() {
        let ring = Ring::default();
        let name = |now| ring.newest(now, 10).map(|key| key.name);
        let first = name(100);
        assert_eq!(name(110), first);
        let second = name(111);
        assert_ne!(second, first);
        let known = |name: Option<[u8; 16]>| ring.with(|keys| keys.iter().any(|(_, key)| Some(key.name) == name));
        assert!(known(first), "its tickets are still good");
        assert_eq!(name(121), second);
        assert!(known(second) && !known(first));
    }

    #[test]
    fn servers_do_not_see_each_others_sessions() {
        let store = Arc::new(Store::new(2));
        let view = |context: &[u8]| View {
            store: store.clone(),
            context: context.to_vec(),
            lifetime: Duration::from_secs(60),
            once: false,
        };
        view(b"a").put(b"1".to_vec(), b"one".to_vec());
        assert_eq!(view(b"a").get(b"1").as_deref(), Some(&b"one"[..]));
        assert_eq!(view(b"b").get(b"1"), None);
    }
}
