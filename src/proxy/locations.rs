//! Which location a URI is in: exact ones, the longest prefix, then regular expressions in the order of the file.

use rkeep_parsers::ir::Id;
use rkeep_parsers::ir::http::{Location, Match};
use rustc_hash::FxHashMap;

use super::regex::{Regex, Regexes};
use super::request::RequestCtx;
use crate::plan::ProxyPlan;

/// The locations inside one level.
#[derive(Debug, Default)]
pub struct Tree {
    exact: FxHashMap<Vec<u8>, usize>,
    prefixes: FxHashMap<Vec<u8>, Prefix>,
    /// Lengths that prefixes have, longest first.
    lengths: Vec<usize>,
    /// Exact or prefix locations with a `/` at their end that want it added.
    redirects: FxHashMap<Vec<u8>, usize>,
    regexes: Vec<(Regex, usize)>,
}

#[derive(Clone, Copy, Debug)]
struct Prefix {
    location: usize,
    no_regex: bool,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// This location.
    Location(usize),
    /// This location, once `/` has been added to the URI.
    AddSlash(usize),
    /// None: the level itself answers.
    Nothing,
}

impl Tree {
    /// Compiles the locations of a level.
    ///
    /// # Errors
    /// Of a pattern.
    pub fn compile(children: &[Id<Location>], plan: &ProxyPlan, regexes: &mut Regexes) -> Result<Tree, String> {
        let mut tree = Tree::default();
        for id in children {
            let Some(location) = plan.locations.get(*id) else { continue };
            tree.add(id.index(), location, regexes)?;
        }
        tree.lengths = tree.prefixes.keys().map(Vec::len).collect();
        tree.lengths.sort_unstable_by(|a, b| b.cmp(a));
        tree.lengths.dedup();
        Ok(tree)
    }

    fn add(&mut self, index: usize, location: &Location, regexes: &mut Regexes) -> Result<(), String> {
        let path = match &location.matched {
            Match::Exact(path) => {
                self.exact.insert(path.clone(), index);
                path
            }
            Match::Prefix { path, final_ } => {
                self.prefixes.insert(path.clone(), Prefix { location: index, no_regex: *final_ });
                path
            }
            Match::Regex(regex) => {
                self.regexes.push((regexes.compile(regex)?, index));
                return Ok(());
            }
            Match::Server | Match::Named(_) | Match::If | Match::LimitExcept { .. } => return Ok(()),
        };
        if location.auto_redirect
            && let Some(without) = path.strip_suffix(b"/")
        {
            self.redirects.insert(without.to_vec(), index);
        }
        Ok(())
    }

    fn longest_prefix(&self, uri: &[u8]) -> Option<Prefix> {
        let fits = self.lengths.iter().filter_map(|&len| uri.get(..len));
        fits.filter_map(|start| self.prefixes.get(start)).next().copied()
    }
}

/// Finds the location of `cx.uri` below `tree`; a regular expression's captures are kept.
pub fn find(tree: &Tree, cx: &RequestCtx) -> Found {
    if let Some(&location) = tree.exact.get(&cx.uri) {
        return Found::Location(location);
    }
    let prefix = tree.longest_prefix(&cx.uri);
    if prefix
        .is_none_or(|prefix| cx.snapshot.location(prefix.location).is_none_or(|it| it.ir.name.len() < cx.uri.len()))
        && let Some(&location) = tree.redirects.get(&cx.uri)
    {
        return Found::AddSlash(location);
    }
    let mut best = Found::Nothing;
    if let Some(prefix) = prefix {
        best = Found::Location(prefix.location);
        match inside(prefix.location, cx) {
            Found::Nothing => {}
            found => best = found,
        }
        let settled = prefix.no_regex || !matches!(best, Found::Location(at) if is_prefix(at, cx));
        if settled {
            return best;
        }
    }
    for (regex, location) in &tree.regexes {
        if regex.run(cx, &cx.uri) {
            return match inside(*location, cx) {
                Found::Nothing => Found::Location(*location),
                found => found,
            };
        }
    }
    best
}

fn inside(location: usize, cx: &RequestCtx) -> Found {
    cx.snapshot.location(location).map_or(Found::Nothing, |location| find(&location.inside, cx))
}

/// Whether a location was found by its prefix, so that a regular expression further out may still take over.
fn is_prefix(location: usize, cx: &RequestCtx) -> bool {
    cx.snapshot.location(location).is_some_and(|location| matches!(location.ir.matched, Match::Prefix { .. }))
}
