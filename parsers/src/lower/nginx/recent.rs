//! Levels where the same is written, or holds, have it once: a file's locations are mostly of a few kinds.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::nginx::{LocationConf, LocationLayers};

/// How many levels are looked at: each costs every later one a comparison.
const KEPT: usize = 16;

/// The levels before.
#[derive(Debug)]
pub(super) struct Recent<T>(VecDeque<Arc<T>>);

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Recent(VecDeque::with_capacity(KEPT))
    }
}

impl<T> Recent<T> {
    fn keep(&mut self, level: &Arc<T>) {
        self.0.truncate(KEPT - 1);
        self.0.push_front(level.clone());
    }
}

impl Recent<LocationConf> {
    /// The values of a level, held together with recent ones as far as they are the same.
    pub(super) fn share(&mut self, mut conf: LocationConf) -> Arc<LocationConf> {
        if let Some(known) = self.0.iter().find(|known| conf.share(known)) {
            return known.clone();
        }
        let conf = Arc::new(conf);
        self.keep(&conf);
        conf
    }
}

impl Recent<LocationLayers> {
    /// Replaces what is written at a level by the same of a recent one.
    pub(super) fn share(&mut self, layers: &mut Arc<LocationLayers>) {
        match self.0.iter().find(|known| known == &layers) {
            Some(known) => *layers = known.clone(),
            None => self.keep(layers),
        }
    }
}
