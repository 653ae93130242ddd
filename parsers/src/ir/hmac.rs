//! `auth_hmac`: what adverts are proved by.

use std::fmt;

/// Keys, and how they are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hmac {
    /// All keys that count.
    pub keys: Vec<Key>,
    /// `active_key`: the one that adverts are sent with.
    pub active: u8,
    /// `anti_replay`
    pub replay: Replay,
    /// `mode`
    pub mode: Mode,
}

impl Hmac {
    /// The key of a number.
    pub fn key(&self, id: u8) -> Option<&[u8]> {
        self.keys.iter().find(|key| key.id == id).map(|key| &*key.secret.0)
    }
}

/// A key with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// 1…255
    pub id: u8,
    /// 32 to 64 bytes.
    pub secret: Secret,
}

/// Bytes that no log shows.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Secret(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} bytes)", self.0.len())
    }
}

/// `anti_replay`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// `time`: an advert may be off by so many seconds (`time_window`), and must be newer than the last.
    Time(u32),
    /// `monotonic`: it must be newer than the last.
    Monotonic,
}

/// `mode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// `enforce`: nothing counts without.
    #[default]
    Enforce,
    /// `permissive`: adverts without count too.
    Permissive,
    /// `receive-only`: and none is sent with.
    ReceiveOnly,
}

impl Mode {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Enforce => "enforce",
            Mode::Permissive => "permissive",
            Mode::ReceiveOnly => "receive-only",
        }
    }
}
