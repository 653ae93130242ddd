//! Patterns of file names as `glob(3)` reads them: `*`, `?`, `[…]`; a leading dot must be written.

use std::path::{Component, Path, PathBuf};

/// Whether a path has any magic in it.
pub fn has_magic(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// All paths a pattern names, sorted; `list` names the entries of a directory.
pub fn expand(pattern: &Path, list: impl Fn(&Path) -> Vec<String>) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let text = component.as_os_str().to_string_lossy().into_owned();
        match component {
            Component::Normal(_) if text.contains(['*', '?', '[']) => {
                let below = |dir: &PathBuf| matching(dir, &text, &list);
                found = found.iter().flat_map(below).collect();
            }
            _ => found.iter_mut().for_each(|path| path.push(&text)),
        }
    }
    // A part after the magic may not exist below every match.
    let exists = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        path.parent().is_some_and(|dir| list(dir).contains(&name))
    };
    let last_is_magic = pattern.file_name().is_some_and(|name| has_magic(Path::new(name)));
    if has_magic(pattern) && !last_is_magic {
        found.retain(exists);
    }
    found.sort();
    found.dedup();
    found
}

fn matching(dir: &Path, pattern: &str, list: &impl Fn(&Path) -> Vec<String>) -> Vec<PathBuf> {
    let here = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let names = list(here).into_iter();
    let visible = names.filter(|name| !name.starts_with('.') || pattern.starts_with('.'));
    visible.filter(|name| matches(pattern.as_bytes(), name.as_bytes())).map(|name| dir.join(name)).collect()
}

/// Whether one name fits one pattern.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on after the latest `*`, one byte of the name later each time.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            Some(_) => one(pattern.get(p..).unwrap_or_default(), name[n]),
            None => None,
        };
        match (step, star) {
            (Some(width), _) => (p, n) = (p + width, n + 1),
            (None, Some((after, from))) => {
                star = Some((after, from + 1));
                (p, n) = (after, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern.get(p..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}

/// How many bytes of the pattern match one byte of the name.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', rest @ ..] => match set(rest, byte) {
            Some((width, true)) => Some(width + 1),
            Some((_, false)) => None,
            None => (byte == b'[').then_some(1),
        },
        [first, ..] => (*first == byte).then_some(1),
        [] => None,
    }
}

/// `[…]` after its bracket: its width and whether the byte is in it; none when it is not closed.
fn set(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(pattern.first(), Some(b'!' | b'^'));
    let start = usize::from(negated);
    let (mut at, mut inside) = (start, false);
    loop {
        match *pattern.get(at)? {
            b']' if at > start => return Some((at + 1, inside != negated)),
            low => match (pattern.get(at + 1), pattern.get(at + 2)) {
                (Some(b'-'), Some(&high)) if high != b']' => {
                    inside |= (low..=high).contains(&byte);
                    at += 3;
                }
                _ => {
                    inside |= low == byte;
                    at += 1;
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_sets_and_dots() {
        assert!(matches(b"*.conf", b"a.conf"));
        assert!(matches(b"a*b*c", b"aXbbYc"));
        assert!(!matches(b"a*b", b"ac"));
        assert!(matches(b"s[0-9]?", b"s4x"));
        assert!(!matches(b"s[!0-9]", b"s4"));
        assert!(matches(b"[", b"["));
    }

    #[test]
    fn hidden_files_need_a_dot() {
        let list = |dir: &Path| match dir.to_str() {
            Some("/d") => vec![".h.conf".to_owned(), "b.conf".to_owned(), "a.conf".to_owned()],
            _ => Vec::new(),
        };
        assert_eq!(expand(Path::new("/d/*.conf"), list), [Path::new("/d/a.conf"), Path::new("/d/b.conf")]);
        assert_eq!(expand(Path::new("/d/.*"), list), [Path::new("/d/.h.conf")]);
        assert_eq!(expand(Path::new("/e/x.conf"), list), [Path::new("/e/x.conf")]);
    }
}
