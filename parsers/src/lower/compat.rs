//! `compat nginx=1.22 keepalived=2.2`: the releases whose ways hold.

use crate::table::Compat;

type Release = (u16, u16);

/// The releases that rkeep can be.
const NGINX: &[Release] = &[(1, 22), (1, 31)];
const KEEPALIVED: &[Release] = &[(2, 2), (2, 4)];

/// Takes over the releases that a pragma's words name; what is wrong with the first word that names none.
pub(super) fn releases<'w>(words: impl Iterator<Item = &'w str>, compat: &mut Compat) -> Option<String> {
    for word in words {
        let Some((name, version)) = word.split_once('=').and_then(|(name, version)| Some((name, release(version)?)))
        else {
            return Some(format!("\"{word}\" is no release such as nginx=1.22 or keepalived=2.2"));
        };
        let (known, place) = match name {
            "nginx" => (NGINX, &mut compat.nginx),
            "keepalived" => (KEEPALIVED, &mut compat.keepalived),
            _ => return Some(format!("\"{name}\" is neither nginx nor keepalived")),
        };
        if !known.contains(&version) {
            return Some(format!("rkeep cannot be {word}, only {}", listed(name, known)));
        }
        *place = version;
    }
    None
}

/// The words that a pragma of nginx's file takes.
pub(super) fn of_nginx() -> String {
    listed("nginx", NGINX)
}

/// The words that a pragma of keepalived's file takes.
pub(super) fn of_keepalived() -> String {
    listed("keepalived", KEEPALIVED)
}

fn release(text: &str) -> Option<Release> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn listed(name: &str, known: &[Release]) -> String {
    known.iter().map(|(major, minor)| format!("{name}={major}.{minor}")).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_rkeep_can_be_is_a_release() {
        let mut compat = Compat::default();
        assert_eq!(releases("nginx=1.22 keepalived=2.2".split(' '), &mut compat), None);
        assert_eq!(compat, Compat { nginx: (1, 22), keepalived: (2, 2) });
        for (word, complaint) in [
            ("keepalived=3.9", "rkeep cannot be keepalived=3.9, only keepalived=2.2 or keepalived=2.4"),
            ("keepalived=2.1", "rkeep cannot be keepalived=2.1, only keepalived=2.2 or keepalived=2.4"),
            ("nginx=1.30", "rkeep cannot be nginx=1.30, only nginx=1.22 or nginx=1.31"),
            ("keepalived=2", "\"keepalived=2\" is no release such as nginx=1.22 or keepalived=2.2"),
            ("apache=2.4", "\"apache\" is neither nginx nor keepalived"),
        ] {
            let mut compat = Compat::default();
            assert_eq!(releases([word].into_iter(), &mut compat).as_deref(), Some(complaint));
            assert_eq!(compat, Compat::default(), "{word}");
        }
    }
}
