//! Names of shared memory: each belongs to one use, and what is used must be declared somewhere.

use std::collections::HashMap;

use super::Fault;
use crate::source::Span;

/// What a zone is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZoneUse {
    /// An upstream's peers.
    Upstream,
    /// A cache's keys.
    Cache,
    /// `limit_req_zone`, by its key as written.
    Requests(String),
    /// `limit_conn_zone`, by its key as written.
    Connections(String),
}

/// The zones of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Zones {
    declared: HashMap<String, ZoneUse>,
    used: Vec<(String, Span)>,
    caches: Vec<(String, Span)>,
}

impl Zones {
    /// Declares a zone; nothing if it was declared for the same use before.
    ///
    /// # Errors
    /// It is declared for something else.
    pub fn declare(&mut self, name: &str, for_: ZoneUse) -> Result<Option<&ZoneUse>, Fault> {
        let known = self.declared.entry(name.to_owned());
        let new = matches!(known, std::collections::hash_map::Entry::Vacant(_));
        let known = known.or_insert_with(|| for_.clone());
        if std::mem::discriminant(known) != std::mem::discriminant(&for_) {
            let text = format!("the shared memory zone \"{name}\" is already declared for a different use");
            return Err(Fault::new(text).help("give the two zones different names"));
        }
        Ok((!new).then_some(&*known))
    }

    /// Notes that a zone is used.
    pub fn used(&mut self, name: &str, at: Span) {
        self.used.push((name.to_owned(), at));
    }

    /// Notes that a cache is used.
    pub fn used_as_cache(&mut self, name: &str, at: Span) {
        self.caches.push((name.to_owned(), at));
    }

    /// The first use of a cache that there is not.
    pub fn unknown_cache(&self) -> Option<(&str, Span)> {
        let missing = self.caches.iter().find(|(name, _)| self.declared.get(name) != Some(&ZoneUse::Cache));
        missing.map(|(name, at)| (name.as_str(), *at))
    }

    /// The first use of a zone that nobody declares.
    pub fn undeclared(&self) -> Option<(&str, Span)> {
        let missing = self.used.iter().find(|(name, _)| !self.declared.contains_key(name));
        missing.map(|(name, at)| (name.as_str(), *at))
    }
}
