//! `auth_hmac`: keys as they are written become bytes, and what does not fit the instance is said.

use std::path::Path;

use super::report::Found;
use super::walk::Walk;
use crate::diag::Class;
use crate::ir::hmac::{Hmac, Key, Mode, Replay};
use crate::ir::vrrp::{Auth, Router};
use crate::keepalived::number::written;
use crate::source::Span;
use crate::source::Spanned;

/// The fewest bytes a key may have, and the most.
const SHORTEST: usize = 32;
const LONGEST: usize = 64;
/// `hex:`, digits, and the end of a line.
const LONGEST_FILE: usize = 4 + 2 * LONGEST + 7;

impl Walk<'_> {
    /// A `key` line that has just been read.
    pub(super) fn hmac_key(&mut self, span: Span) {
        let Some(line) = self.draft.hmac.key.take().map(Spanned::into_value) else { return };
        let owner = self.cx.owner.clone();
        let secret = match line.text.strip_prefix("file:") {
            Some(path) => self.key_file(path, &owner, span),
            None => decoded(line.text.as_bytes()),
        };
        let secret = secret.unwrap_or_default();
        let (id, length) = (line.id, secret.len());
        if !(SHORTEST..=LONGEST).contains(&length) {
            let text = format!("({owner}) auth_hmac key {id} length {length} not in range [{SHORTEST}, {LONGEST}]");
            return self.general(span, text, "32 to 64 bytes: `openssl rand -hex 32` makes hex:…");
        }
        if self.draft.hmac_keys.iter().any(|known| known.id == id) {
            let text = format!("({owner}) duplicate auth_hmac key id {id}");
            return self.general(span, text, "give each key a number of its own");
        }
        self.draft.hmac_keys.push(Key { id, secret: secret.into() });
    }

    fn key_file(&mut self, path: &str, owner: &str, span: Span) -> Option<Vec<u8>> {
        let Ok(bytes) = self.loader.load(Path::new(path)) else {
            let text = format!("({owner}) auth_hmac key file '{path}' cannot be opened");
            self.general(span, text, "the path of a file that root can read");
            return None;
        };
        if !self.machine.keeps_to_owner(path) {
            let text = format!("({owner}) auth_hmac key file '{path}' is readable by group or others");
            let help = format!("chmod 600 {path}");
            self.report.say(self.place, Found::new(Class::Security, text, &help).at(span));
        }
        if bytes.len() > LONGEST_FILE {
            let text = format!("({owner}) auth_hmac key file '{path}' is too large");
            self.general(span, text, "32 to 64 bytes, or hex: and as many pairs of digits");
            return None;
        }
        let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
        decoded(bytes.get(..end).unwrap_or_default())
    }

    /// What an instance's `auth_hmac` comes to, once all of the instance is known.
    pub(super) fn hmac(&mut self, router: &mut Router) {
        if !std::mem::take(&mut self.draft.has_hmac) {
            return;
        }
        let (layer, keys) = (std::mem::take(&mut self.draft.hmac), std::mem::take(&mut self.draft.hmac_keys));
        let window = written(&layer.time_window).map(|window| window.0);
        let derived = (router.advert_interval.as_secs() as u32).saturating_mul(3).clamp(5, 300);
        let replay = match written(&layer.anti_replay).unwrap_or_default().monotonic {
            true => Replay::Monotonic,
            false => Replay::Time(window.unwrap_or(derived)),
        };
        let active = written(&layer.active_key).map_or(0, |key| key.0 as u8);
        let mode = written(&layer.mode).unwrap_or_default().0;
        router.speech.hmac = Some(Hmac { keys, active, replay, mode });
    }

    /// What keepalived says of it once all is read.
    pub(super) fn judge_hmac(&mut self, router: &mut Router, span: Option<Span>) {
        let name = router.name.clone();
        let Some(hmac) = &mut router.speech.hmac else { return };
        let mut found = Vec::new();
        if router.auth != Auth::None {
            router.auth = Auth::None;
            let text = "auth_hmac cannot be combined with authentication, dropping legacy auth".to_owned();
            found.push((text, "delete the authentication block"));
        }
        let known = hmac.key(hmac.active).is_some();
        if !known {
            let text = format!("auth_hmac active_key {} is not defined, disabling extension", hmac.active);
            found.push((text, "write active_key with the number of a key"));
        } else if router.strict && hmac.mode != Mode::Enforce {
            hmac.mode = Mode::Enforce;
            found.push(("strict mode requires auth_hmac mode enforce".to_owned(), "mode enforce, or no strict_mode"));
        }
        if !known {
            router.speech.hmac = None;
        }
        for (text, help) in found {
            self.report.conclude(span, Found::new(Class::General, format!("({name}) {text}"), help));
        }
    }
}

/// The bytes of a key: `hex:` and pairs of digits, or the text itself.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let Some(digits) = text.strip_prefix(b"hex:") else { return Some(text.to_vec()) };
    let digit = |byte: &u8| (*byte as char).to_digit(16).map(|digit| digit as u8);
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn keys_are_text_or_digits() {
        assert_eq!(decoded(b"abc"), Some(b"abc".to_vec()));
        assert_eq!(decoded(b"hex:00fF10"), Some(vec![0, 255, 16]));
        assert_eq!((decoded(b"hex:0"), decoded(b"hex:0g")), (None, None));
    }
}
