//! All caches of a configuration.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::keeper;
use super::zone::{Index, Zone};
use crate::plan::ProxyPlan;

/// The caches, by name. What is known of them lives on from one snapshot to the next.
#[derive(Debug, Default)]
pub struct Caches {
    by_name: HashMap<String, Arc<Zone>>,
    /// Indices by name and directory.
    known: Arc<Mutex<Known>>,
}

type Known = HashMap<(String, PathBuf), Weak<Index>>;

impl Caches {
    /// Takes over the caches of a plan.
    pub fn compile(plan: &ProxyPlan, old: Option<&Caches>) -> Caches {
        let mut caches =
            Caches { by_name: HashMap::new(), known: old.map(|old| Arc::clone(&old.known)).unwrap_or_default() };
        for conf in &plan.caches {
            let index = caches.index(&conf.name, &conf.path);
            let zone = Arc::new(Zone { conf: conf.clone(), index });
            keeper::start(&zone);
            caches.by_name.insert(conf.name.clone(), zone);
        }
        caches
    }

    fn index(&self, name: &str, path: &std::path::Path) -> Arc<Index> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.entry((name.to_owned(), path.to_owned())).or_default();
        place.upgrade().unwrap_or_else(|| {
            let index = Arc::default();
            *place = Arc::downgrade(&index);
            index
        })
    }

    /// The cache of a name.
    pub fn get(&self, name: &str) -> Option<&Arc<Zone>> {
        self.by_name.get(name)
    }
}
