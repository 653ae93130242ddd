//! `include` and its stricter relatives: which files a line names.

use std::path::{Path, PathBuf};

use crate::source::Loader;

/// What an include line asks for.
pub(super) struct Include<'a> {
    /// The pattern as written.
    pub(super) pattern: &'a str,
    /// Whether a name that is not there, or a pattern that matches nothing, ends the reading.
    pub(super) strict: Strict,
}

/// What an include insists on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Strict {
    /// A plain name must exist.
    pub(super) file: bool,
    /// A pattern must match something.
    pub(super) pattern: bool,
}

impl Strict {
    /// What the keyword insists on; none when it is no include.
    pub(super) fn of(keyword: &[u8]) -> Option<Strict> {
        match keyword {
            b"include" | b"includer" | b"includeb" => Some(Strict { file: false, pattern: false }),
            b"includem" => Some(Strict { file: true, pattern: false }),
            b"includew" | b"includea" => Some(Strict { file: true, pattern: true }),
            _ => None,
        }
    }
}

/// The files of a pattern in `dir`, each with the name under which messages show it.
pub(super) fn files(loader: &dyn Loader, dir: &Path, pattern: &str) -> Vec<(PathBuf, PathBuf)> {
    let found = alternatives(pattern).into_iter().flat_map(|pattern| loader.glob(&dir.join(pattern)));
    let shown = |path: PathBuf| {
        let below = path.strip_prefix(dir).ok().filter(|_| !Path::new(pattern).is_absolute());
        (below.map_or_else(|| path.clone(), Path::to_path_buf), path)
    };
    found.map(shown).collect()
}

/// Whether a name is a pattern.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '[', '{'])
}

/// Whether the directory of a pattern is there; one that is itself a pattern counts as there.
pub(super) fn has_dir(loader: &dyn Loader, dir: &Path, pattern: &str) -> bool {
    let full = dir.join(pattern);
    let Some(parent) = full.parent().filter(|parent| !is_pattern(&parent.to_string_lossy())) else { return true };
    match parent.parent() {
        Some(above) if parent != dir => loader.glob(&above.join("*")).iter().any(|found| found == parent),
        _ => true,
    }
}

/// How many names the braces of one pattern may stand for.
const MOST: usize = 1024;

/// csh braces: `a{b,c}d` is `abd` and `acd`.
fn alternatives(pattern: &str) -> Vec<String> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(next) = open.pop() {
        match split(&next) {
            Some((before, inner, after)) if open.len() + done.len() < MOST => {
                open.extend(inner.split(',').rev().map(|choice| format!("{before}{choice}{after}")));
            }
            _ => done.push(next),
        }
    }
    done
}

/// The innermost braces that come first.
fn split(pattern: &str) -> Option<(&str, &str, &str)> {
    let close = pattern.find('}')?;
    let open = pattern.get(..close)?.rfind('{')?;
    Some((pattern.get(..open)?, pattern.get(open + 1..close)?, pattern.get(close + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::alternatives;

    #[test]
    fn braces_expand() {
        assert_eq!(alternatives("a{b,c}d{1,2}"), ["abd1", "abd2", "acd1", "acd2"]);
        assert_eq!(alternatives("plain"), ["plain"]);
    }
}
