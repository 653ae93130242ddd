//! What one worker thread shares among its connections.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::Waker;

use super::stats::Stats;

/// A worker thread's own state.
#[derive(Debug, Default)]
pub struct Thread {
    /// Counters of the whole engine.
    pub stats: Arc<Stats>,
    draining: Cell<bool>,
    tasks: RefCell<slots::Slots<Waker>>,
}

impl Thread {
    /// A thread that counts into `stats`.
    pub fn new(stats: Arc<Stats>) -> Self {
        Thread { stats, ..Thread::default() }
    }

    /// Whether answers end their connections and idle ones close.
    pub fn draining(&self) -> bool {
        self.draining.get()
    }

    /// Begins to drain: every idle connection is woken to close itself.
    pub fn drain(&self) {
        self.draining.set(true);
        self.tasks.borrow().each(Waker::wake_by_ref);
    }

    /// Enters a connection's task, so that draining can wake it.
    pub fn enter(&self, waker: Waker) -> usize {
        self.tasks.borrow_mut().insert(waker)
    }

    /// The connection has ended.
    pub fn leave(&self, slot: usize) {
        self.tasks.borrow_mut().remove(slot);
    }

    /// Connections on this thread.
    pub fn connections(&self) -> usize {
        self.tasks.borrow().len()
    }
}

mod slots {
    //! A vector with holes that are used again.

    /// Items with stable small indices.
    #[derive(Debug)]
    pub(super) struct Slots<T> {
        items: Vec<Option<T>>,
        free: Vec<usize>,
    }

    impl<T> Default for Slots<T> {
        fn default() -> Self {
            Slots { items: Vec::new(), free: Vec::new() }
        }
    }

    impl<T> Slots<T> {
        pub(super) fn insert(&mut self, item: T) -> usize {
            if let Some(index) = self.free.pop()
                && let Some(slot) = self.items.get_mut(index)
            {
                *slot = Some(item);
                return index;
            }
            self.items.push(Some(item));
            self.items.len() - 1
        }

        pub(super) fn remove(&mut self, index: usize) {
            if self.items.get_mut(index).and_then(Option::take).is_some() {
                self.free.push(index);
            }
        }

        pub(super) fn each(&self, act: impl FnMut(&T)) {
            self.items.iter().flatten().for_each(act);
        }

        pub(super) fn len(&self) -> usize {
            self.items.len() - self.free.len()
        }
    }
}
