//! Checks that are read and not yet carried out: their words, so that what is wrong in them is said all the same.

use crate::table::Contexts as C;

/// A word as it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Nothing must follow.
    Bare,
    /// A value must follow.
    Valued,
    /// A command must follow.
    Command,
    /// An old name of another word.
    Old(&'static str),
}

const CONNECTION: &str = "connect_ip connect_port bindto bind_port bind_if connect_timeout fwmark";
const COMMON: &str = "retry delay_before_retry warmup delay_loop";
const SWITCHES: &str = "alpha log_all_failures";

/// The contexts of these checks, what each is called in the file, and the words of its own: those with a value, those
/// that may be without.
const CHECKS: &[(C, &[&str], &str, &str)] = &[
    (
        C::K_HTTP_GET,
        &["HTTP_GET", "SSL_GET"],
        "virtualhost http_protocol sni_name",
        "fast_recovery enable_sni tls_compliant",
    ),
    (C::K_SMTP_CHECK, &["SMTP_CHECK"], "helo_name", ""),
    (C::K_MISC_CHECK, &["MISC_CHECK"], "misc_timeout user", "misc_dynamic"),
    (C::K_DNS_CHECK, &["DNS_CHECK"], "type name", ""),
    (C::K_UDP_CHECK, &["UDP_CHECK"], "payload min_reply_length max_reply_length", "require_reply"),
    (C::K_PING_CHECK, &["PING_CHECK"], "", ""),
    (C::K_FILE_CHECK, &["FILE_CHECK"], "track_file weight", ""),
    (
        C::K_URL,
        &["url"],
        "path digest status_code virtualhost regex regex_options regex_min_offset regex_max_offset regex_stack",
        "regex_no_match tls_compliant",
    ),
    (C::K_HOST, &["host"], "", ""),
];

/// The block that a word opens in a block.
pub fn block(context: C, word: &str) -> Option<C> {
    let inner = CHECKS.iter().find(|(_, names, ..)| names.contains(&word)).map(|(inner, ..)| *inner)?;
    let outer = match inner {
        C::K_URL => C::K_HTTP_GET,
        C::K_HOST => C::K_SMTP_CHECK,
        _ => C::K_REAL_SERVER,
    };
    (outer == context).then_some(inner)
}

/// How a word of such a block is read; none where it is unknown.
pub fn word(context: C, word: &str) -> Option<Word> {
    let (_, _, valued, bare) = CHECKS.iter().find(|(known, ..)| *known == context)?;
    let within = |words: &str| words.split_ascii_whitespace().any(|known| known == word);
    let connects = !matches!(context, C::K_URL | C::K_MISC_CHECK | C::K_FILE_CHECK);
    let repeats = !matches!(context, C::K_URL | C::K_FILE_CHECK);
    match word {
        "nb_get_retry" if context == C::K_HTTP_GET => Some(Word::Old("retry")),
        "misc_path" if context == C::K_MISC_CHECK => Some(Word::Command),
        _ if within(valued) || (connects && self::within(CONNECTION, word)) => Some(Word::Valued),
        _ if repeats && self::within(COMMON, word) => Some(Word::Valued),
        _ if within(bare) || (context != C::K_URL && self::within(SWITCHES, word)) => Some(Word::Bare),
        _ => None,
    }
}

fn within(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|known| known == word)
}

/// All words of a block, for hints.
pub fn words(context: C) -> impl Iterator<Item = &'static str> {
    let own = CHECKS.iter().filter(move |(known, ..)| *known == context);
    own.flat_map(|(_, _, valued, bare)| [*valued, *bare, CONNECTION, COMMON, SWITCHES])
        .flat_map(str::split_ascii_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_their_blocks() {
        assert_eq!(block(C::K_REAL_SERVER, "SSL_GET"), Some(C::K_HTTP_GET));
        assert_eq!(block(C::K_REAL_SERVER, "url"), None);
        assert_eq!(word(C::K_HTTP_GET, "connect_port"), Some(Word::Valued));
        assert_eq!(word(C::K_URL, "connect_port"), None);
        assert_eq!(word(C::K_HTTP_GET, "nb_get_retry"), Some(Word::Old("retry")));
        assert_eq!(word(C::K_MISC_CHECK, "misc_path"), Some(Word::Command));
    }
}
