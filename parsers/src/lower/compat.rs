//! `compat nginx=1.22 keepalived=2.2`: the releases whose ways hold.

use crate::table::Compat;

/// Takes over the releases that a pragma's words name; what is wrong with the first word that names none.
pub(super) fn releases<'w>(words: impl Iterator<Item = &'w str>, compat: &mut Compat) -> Option<String> {
    for word in words {
        let version = word.split_once('=').and_then(|(_, version)| version.split_once('.'));
        let version = version.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        match (word.split_once('=').map(|(name, _)| name), version) {
            (Some("nginx"), Some(version)) => compat.nginx = version,
            (Some("keepalived"), Some(version)) => compat.keepalived = version,
            _ => return Some(format!("\"{word}\" is no release such as nginx=1.22 or keepalived=2.2")),
        }
    }
    None
}
