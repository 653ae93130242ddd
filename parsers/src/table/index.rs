//! All rows of a language by keyword, and what to say about a word that is not among them.

use std::collections::HashMap;

use super::{Contexts, Row};
use crate::syntax::tree::Directive;

/// A row and what takes it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<S> {
    /// The row.
    pub row: &'static Row,
    /// What takes it.
    pub slot: S,
}

/// Rows by keyword.
#[derive(Debug)]
pub struct Index<S> {
    by_name: HashMap<&'static str, Vec<Entry<S>>>,
}

/// Why a directive is not taken.
#[derive(Clone, Copy, Debug)]
pub enum Miss {
    /// No row has this keyword.
    Unknown,
    /// Rows have it, for other blocks.
    NotHere(Contexts),
    /// A block where none belongs.
    NotTerminated,
    /// No block where one belongs.
    NoBlock,
    /// Too few or too many words.
    Arity(&'static Row),
}

impl<S: Copy> Index<S> {
    /// An index of rows.
    pub fn new(entries: impl IntoIterator<Item = Entry<S>>) -> Self {
        let mut by_name: HashMap<&'static str, Vec<Entry<S>>> = HashMap::new();
        for entry in entries {
            by_name.entry(entry.row.keyword).or_default().push(entry);
        }
        Index { by_name }
    }

    /// The rows of a keyword.
    pub fn rows(&self, keyword: &str) -> &[Entry<S>] {
        self.by_name.get(keyword).map(Vec::as_slice).unwrap_or_default()
    }

    /// All rows, in no order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry<S>> {
        self.by_name.values().flatten()
    }

    /// Whether any row is of this module.
    pub fn has_module(&self, module: &str) -> bool {
        self.by_name.values().flatten().any(|entry| entry.row.module == module)
    }

    /// The row that takes a directive in a block.
    ///
    /// # Errors
    /// Why none does.
    pub fn find(&self, directive: &Directive, context: Contexts) -> Result<Entry<S>, Miss> {
        let name = std::str::from_utf8(&directive.name.text).map_err(|_| Miss::Unknown)?;
        let rows = self.rows(name);
        let here = rows.iter().find(|entry| entry.row.contexts.contains(context));
        let Some(entry) = here else {
            let elsewhere = rows.iter().fold(Contexts::NONE, |all, entry| all.or(entry.row.contexts));
            return Err(if rows.is_empty() { Miss::Unknown } else { Miss::NotHere(elsewhere) });
        };
        match (entry.row.arity.block, directive.block.is_some()) {
            (false, true) => Err(Miss::NotTerminated),
            (true, false) => Err(Miss::NoBlock),
            _ if !entry.row.arity.takes(directive.args.len()) => Err(Miss::Arity(entry.row)),
            _ => Ok(*entry),
        }
    }

    /// A keyword of the same block that a misspelt one may have been meant to be; one of another block otherwise.
    pub fn similar(&self, word: &str, context: Contexts) -> Option<&'static str> {
        let limit = (word.len() / 3).clamp(1, 3);
        let near = |name: &&'static str| distance(word, name);
        let fits = |name: &&'static str| self.rows(name).iter().any(|entry| entry.row.contexts.contains(context));
        let all = self.by_name.keys().copied().filter(|name| near(name) <= limit);
        all.min_by_key(|name| (!fits(name), near(name), *name))
    }
}

/// How many letters must be changed, added, dropped or swapped to make one word of the other.
pub fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 3 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let changed = above[j] + usize::from(x != y);
            let mut best = changed.min(above[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x;
            if let (true, Some(cost)) = (swapped, before.get(j.wrapping_sub(1))) {
                best = best.min(cost + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("listen", "listen"), 0);
        assert_eq!(distance("lsiten", "listen"), 1);
        assert_eq!(distance("servername", "server_name"), 1);
        assert_eq!(distance("root", "boot"), 1);
        assert_eq!(distance("", "abc"), 3);
    }
}
