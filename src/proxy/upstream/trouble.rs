//! What can go wrong with one try, and whether another server is asked. Pure.

use rkeep_parsers::table::value::NextUpstream;

/// Why a try gave no answer that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No server is left.
    NoLive,
    /// Connecting, sending or reading failed.
    Error,
    /// One of them took too long.
    Timeout,
    /// The answer's head cannot be used.
    InvalidHeader,
    /// A status that `proxy_next_upstream` may name.
    Status(u16),
}

/// What is asked about a request before another server is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// `proxy_next_upstream`
    pub conditions: NextUpstream,
    /// Something of the request has been sent.
    pub sent: bool,
    /// Its method changes something each time.
    pub non_idempotent: bool,
    /// Its body has been passed on without being kept.
    pub unbuffered: bool,
    /// `proxy_next_upstream_timeout` has passed.
    pub late: bool,
}

impl Trouble {
    /// The flag of `proxy_next_upstream` that allows another try; none allows a `NoLive`.
    fn flag(self) -> Option<u32> {
        Some(match self {
            Trouble::NoLive => return None,
            Trouble::Error => NextUpstream::ERROR,
            Trouble::Timeout => NextUpstream::TIMEOUT,
            Trouble::InvalidHeader => NextUpstream::INVALID_HEADER,
            Trouble::Status(500) => NextUpstream::HTTP_500,
            Trouble::Status(502) => NextUpstream::HTTP_502,
            Trouble::Status(503) => NextUpstream::HTTP_503,
            Trouble::Status(504) => NextUpstream::HTTP_504,
            Trouble::Status(403) => NextUpstream::HTTP_403,
            Trouble::Status(404) => NextUpstream::HTTP_404,
            Trouble::Status(429) => NextUpstream::HTTP_429,
            Trouble::Status(_) => return None,
        })
    }

    /// The flag of `proxy_cache_use_stale` that lets an old answer stand in; none being there is an error.
    pub fn stale_flag(self) -> u32 {
        self.flag().unwrap_or(if self == Trouble::NoLive { NextUpstream::ERROR } else { 0 })
    }

    /// The status shown when this was the last try.
    pub fn status(self) -> u16 {
        match self {
            Trouble::Timeout => 504,
            Trouble::Status(502) => 502,
            Trouble::Status(status) => status,
            Trouble::NoLive | Trouble::Error | Trouble::InvalidHeader => 502,
        }
    }

    /// Whether the server failed: 403 and 404 are answers that another may better.
    pub fn is_failure(self) -> bool {
        !matches!(self, Trouble::Status(403 | 404))
    }

    /// Whether another server may be asked, as far as the request is concerned.
    pub fn allows_next(self, asked: Asked) -> bool {
        let Some(flag) = self.flag() else { return false };
        asked.conditions.has(flag)
            && (!(asked.sent && asked.non_idempotent) || asked.conditions.has(NextUpstream::NON_IDEMPOTENT))
            && !(asked.sent && asked.unbuffered)
            && !asked.late
    }
}

/// Whether a method changes something each time it is used, as nginx counts them.
pub fn non_idempotent(method: &[u8]) -> bool {
    matches!(method, b"POST" | b"LOCK" | b"PATCH")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(flags: u32) -> Asked {
        Asked { conditions: NextUpstream(flags), ..Asked::default() }
    }

    #[test]
    fn only_what_is_named() {
        let default = asked(NextUpstream::ERROR | NextUpstream::TIMEOUT);
        assert!(Trouble::Error.allows_next(default));
        assert!(Trouble::Timeout.allows_next(default));
        assert!(!Trouble::InvalidHeader.allows_next(default));
        assert!(!Trouble::Status(502).allows_next(default));
        assert!(!Trouble::NoLive.allows_next(default));
        assert!(Trouble::Status(404).allows_next(asked(NextUpstream::HTTP_404)));
        assert!(!Trouble::Status(401).allows_next(asked(u32::MAX)));
    }

    #[test]
    fn a_post_is_sent_once() {
        let post = Asked { non_idempotent: true, ..asked(NextUpstream::ERROR) };
        assert!(Trouble::Error.allows_next(post), "nothing has been sent");
        let sent = Asked { sent: true, ..post };
        assert!(!Trouble::Error.allows_next(sent));
        let told = NextUpstream(NextUpstream::ERROR | NextUpstream::NON_IDEMPOTENT);
        assert!(Trouble::Error.allows_next(Asked { conditions: told, ..sent }));
    }

    #[test]
    fn what_was_streamed_or_late_stays() {
        let sent = Asked { sent: true, unbuffered: true, ..asked(NextUpstream::ERROR) };
        assert!(!Trouble::Error.allows_next(sent));
        assert!(Trouble::Error.allows_next(Asked { sent: false, ..sent }));
        assert!(!Trouble::Error.allows_next(Asked { late: true, ..asked(NextUpstream::ERROR) }));
    }

    #[test]
    fn statuses() {
        assert_eq!(Trouble::Timeout.status(), 504);
        assert_eq!(Trouble::InvalidHeader.status(), 502);
        assert_eq!(Trouble::Status(503).status(), 503);
        assert!(!Trouble::Status(404).is_failure());
    }
}
