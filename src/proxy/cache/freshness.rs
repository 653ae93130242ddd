//! How long an answer may be served from the cache, as its fields say. Pure.

use crate::proxy::http::date;
use crate::proxy::http::fields::Fields;

/// Until when an answer is fresh, and how long after that it may still do, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// When it was stored.
    pub date: i64,
    /// The last second in which it is fresh.
    pub fresh_until: i64,
    /// It may be served so long after that while it is fetched anew.
    pub updating: i64,
    /// It may be served so long after that when fetching fails.
    pub error: i64,
}

impl Times {
    /// Whether it may be served without asking.
    pub fn is_fresh(self, now: i64) -> bool {
        self.fresh_until >= now
    }

    /// Whether it may be served while it is fetched anew.
    pub fn while_updating(self, now: i64) -> bool {
        self.fresh_until.saturating_add(self.updating) >= now
    }

    /// Whether it may be served when fetching fails.
    pub fn on_error(self, now: i64) -> bool {
        self.fresh_until.saturating_add(self.error) >= now
    }
}

/// What of the fields is not heeded: `proxy_ignore_headers`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ignored {
    /// X-Accel-Expires
    pub accel_expires: bool,
    /// Expires
    pub expires: bool,
    /// Cache-Control
    pub cache_control: bool,
    /// Set-Cookie
    pub set_cookie: bool,
    /// Vary
    pub vary: bool,
}

/// What the fields of an answer say about caching it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// It must not be kept.
    pub forbidden: bool,
    /// The last second in which it is fresh, where one is named.
    pub fresh_until: Option<i64>,
    /// `stale-while-revalidate`
    pub updating: i64,
    /// `stale-if-error`
    pub error: i64,
    /// The fields of the request it depends on.
    pub vary: Vec<u8>,
}

/// The longest `Vary` that is remembered.
const LONGEST_VARY: usize = 128;

/// Judges an answer.
pub fn judge(fields: &Fields, ignored: Ignored, now: i64) -> Verdict {
    let mut verdict = Verdict::default();
    let mut control = Control::default();
    if !ignored.cache_control {
        fields.all(b"Cache-Control").for_each(|value| control.read(value));
        (verdict.updating, verdict.error) = (control.updating, control.error);
    }
    let accel = fields.get(b"X-Accel-Expires").filter(|_| !ignored.accel_expires).and_then(accel);
    let expires = fields.get(b"Expires").filter(|_| !ignored.expires);
    match (accel, control.max_age(), expires) {
        (Some(Accel::Never), ..) => verdict.forbidden = true,
        (Some(Accel::For(seconds)), ..) => verdict.fresh_until = Some(now.saturating_add(seconds)),
        (Some(Accel::Until(at)), ..) => verdict.fresh_until = Some(at),
        (None, ..) if control.never => verdict.forbidden = true,
        (None, Some(0), _) => verdict.forbidden = true,
        (None, Some(seconds), _) => verdict.fresh_until = Some(now.saturating_add(seconds)),
        (None, None, Some(expires)) => match date::parse(expires) {
            Some(at) if at >= now => verdict.fresh_until = Some(at),
            _ => verdict.forbidden = true,
        },
        (None, None, None) => {}
    }
    verdict.forbidden |= !ignored.set_cookie && fields.has(b"Set-Cookie");
    if !ignored.vary {
        verdict.vary = fields.all(b"Vary").collect::<Vec<_>>().join(&b","[..]);
        let any = verdict.vary.split(|byte| *byte == b',').any(|word| word.trim_ascii() == b"*");
        verdict.forbidden |= any || verdict.vary.len() > LONGEST_VARY;
    }
    verdict
}

/// X-Accel-Expires.
enum Accel {
    Never,
    For(i64),
    Until(i64),
}

fn accel(value: &[u8]) -> Option<Accel> {
    match value.strip_prefix(b"@") {
        Some(at) => number(at).map(Accel::Until),
        None => number(value).map(|seconds| if seconds == 0 { Accel::Never } else { Accel::For(seconds) }),
    }
}

/// All Cache-Control fields of an answer.
#[derive(Default)]
struct Control {
    never: bool,
    max_age: Option<i64>,
    shared_max_age: Option<i64>,
    updating: i64,
    error: i64,
}

impl Control {
    fn read(&mut self, value: &[u8]) {
        for part in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            let (name, argument) = match part.iter().position(|byte| *byte == b'=') {
                Some(at) => (part.get(..at).unwrap_or_default(), part.get(at + 1..).unwrap_or_default()),
                None => (part, &b""[..]),
            };
            match name.to_ascii_lowercase().as_slice() {
                b"no-cache" | b"no-store" | b"private" => self.never = true,
                b"max-age" => self.max_age = self.age(argument),
                b"s-maxage" => self.shared_max_age = self.age(argument),
                b"stale-while-revalidate" => self.updating = number(argument).unwrap_or(0),
                b"stale-if-error" => self.error = number(argument).unwrap_or(0),
                _ => {}
            }
        }
    }

    /// An age that cannot be read forbids.
    fn age(&mut self, argument: &[u8]) -> Option<i64> {
        let age = number(argument);
        self.never |= age.is_none();
        age
    }

    fn max_age(&self) -> Option<i64> {
        self.shared_max_age.or(self.max_age)
    }
}

/// A number of digits; one too large counts as the largest.
fn number(text: &[u8]) -> Option<i64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    Some(text.parse().unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000_000;

    fn verdict(lines: &[(&str, &str)]) -> Verdict {
        let mut fields = Fields::default();
        lines.iter().for_each(|(name, value)| fields.push(name.as_bytes(), value.as_bytes()));
        judge(&fields, Ignored::default(), NOW)
    }

    #[test]
    fn who_says_how_long() {
        const LATE: &str = "Thu, 31 Dec 2037 23:55:55 GMT";
        const PAST: &str = "Thu, 01 Jan 1970 00:00:01 GMT";
        for (lines, expected) in [
            (&[][..], Some(None)),
            (&[("Expires", LATE)], Some(Some(2_145_916_555))),
            (&[("Expires", PAST)], None),
            (&[("Cache-Control", "max-age=60")], Some(Some(NOW + 60))),
            (&[("Cache-Control", "max-age=9223372036854775808")], Some(Some(i64::MAX))),
            (&[("Cache-Control", "max-age=60"), ("Expires", PAST)], Some(Some(NOW + 60))),
            (&[("Cache-Control", "max-age=1, s-maxage=10")], Some(Some(NOW + 10))),
            (&[("Cache-Control", "no-cache"), ("Cache-Control", "max-age=60")], None),
            (&[("Cache-Control", "max-age=0")], None),
            (&[("X-Accel-Expires", "60"), ("Cache-Control", "no-cache")], Some(Some(NOW + 60))),
            (&[("X-Accel-Expires", "0"), ("Cache-Control", "max-age=60")], None),
            (&[("X-Accel-Expires", "@60")], Some(Some(60))),
            (&[("Set-Cookie", "a"), ("Cache-Control", "max-age=60")], None),
            (&[("Vary", "*")], None),
        ] {
            let got = verdict(lines);
            assert_eq!((!got.forbidden).then_some(got.fresh_until), expected, "{lines:?}");
        }
    }

    #[test]
    fn how_long_after() {
        let got = verdict(&[("Cache-Control", "max-age=1, stale-while-revalidate=5, stale-if-error=7")]);
        assert_eq!((got.updating, got.error), (5, 7));
        let times = Times { date: NOW, fresh_until: NOW + 1, updating: 5, error: 7 };
        assert!(times.is_fresh(NOW + 1) && !times.is_fresh(NOW + 2));
        assert!(times.while_updating(NOW + 6) && !times.while_updating(NOW + 7));
        assert!(times.on_error(NOW + 8) && !times.on_error(NOW + 9));
    }

    #[test]
    fn several_varies_are_one() {
        assert_eq!(verdict(&[("Vary", "A"), ("Vary", "B")]).vary, b"A,B");
    }
}
