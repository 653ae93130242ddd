//! Which `alias` holds in which location: levels inside one have it too, unless they have a root of their own.

use rkeep_parsers::ir::Id;
use rkeep_parsers::ir::expr::Expr;
use rkeep_parsers::ir::http::{Location, Match, Op};

use crate::plan::ProxyPlan;

/// An `alias` with what it replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The path.
    pub path: Expr,
    /// The location's prefix that the path replaces; none in a location of a regular expression, where the path is all.
    pub prefix: Option<Vec<u8>>,
}

/// The alias of each location, by its index.
pub fn find(plan: &ProxyPlan) -> Vec<Option<Alias>> {
    let mut found = vec![None; plan.locations.len()];
    for server in plan.servers.values() {
        enter(plan, server.root, None, &mut found);
    }
    found
}

fn enter(plan: &ProxyPlan, id: Id<Location>, outer: Option<(&Location, &Alias)>, found: &mut [Option<Alias>]) {
    let Some(location) = plan.locations.get(id) else { return };
    let own = location.conf.core.alias.as_ref().map(|path| Alias { path: path.0.clone(), prefix: prefix(location) });
    // A root that differs from the outer one was written here.
    let inherited = outer.filter(|(around, _)| around.conf.core.root == location.conf.core.root);
    let alias = own.or_else(|| inherited.map(|(_, alias)| alias.clone()));
    for inner in inner(location) {
        enter(plan, inner, alias.as_ref().map(|alias| (location, alias)), found);
    }
    if let Some(slot) = found.get_mut(id.index()) {
        *slot = alias;
    }
}

fn prefix(location: &Location) -> Option<Vec<u8>> {
    match &location.matched {
        Match::Exact(path) | Match::Prefix { path, .. } => Some(path.clone()),
        _ => None,
    }
}

fn inner(location: &Location) -> impl Iterator<Item = Id<Location>> {
    let ifs = location.script.iter().filter_map(|op| match op {
        Op::If { location, .. } => Some(*location),
        _ => None,
    });
    location.children.iter().copied().chain(location.limit_except).chain(ifs)
}
