//! What one worker thread shares among its connections.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Waker;

use rkeep_parsers::table::value::Level;
use tokio::task::AbortHandle;

use super::compile::Snapshot;
use super::engine::Shared;
use super::stats::Stats;

/// A worker thread's own state.
#[derive(Debug)]
pub struct Thread {
    shared: Arc<Shared>,
    draining: Cell<bool>,
    tasks: RefCell<Slots>,
}

/// The task of a connection.
#[derive(Debug, Default)]
struct Task {
    waker: Option<Waker>,
    abort: Option<AbortHandle>,
    /// The generation of the request being served; none while the connection is idle.
    generation: Option<u64>,
}

impl Thread {
    /// A thread of an engine.
    pub fn new(shared: Arc<Shared>) -> Self {
        Thread { shared, draining: Cell::new(false), tasks: RefCell::default() }
    }

    /// The engine's counters.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }

    /// The configuration in force.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.shared.snapshot.load_full()
    }

    /// The next connection's number.
    pub fn next_number(&self) -> u64 {
        self.shared.numbers.fetch_add(1, Relaxed) + 1
    }

    /// Writes a line that is about no request.
    pub fn log(&self, level: Level, text: &str) {
        if let Some(snapshot) = self.snapshot() {
            snapshot.error_logs.write(level, text);
        }
    }

    /// Writes buffered log lines whose time has come.
    pub fn tick_logs(&self) {
        self.shared.logs.buffers.tick(std::time::Instant::now());
    }

    /// Whether answers end their connections and idle ones close.
    pub fn draining(&self) -> bool {
        self.draining.get()
    }

    /// Begins to drain: every idle connection is woken to close itself.
    pub fn drain(&self) {
        self.draining.set(true);
        self.tasks.borrow().items.iter().flatten().filter_map(|task| task.waker.as_ref()).for_each(Waker::wake_by_ref);
    }

    /// Ends every connection whose request holds a configuration older than `generation`.
    pub fn expire(&self, generation: u64) {
        let tasks = self.tasks.borrow();
        let old = tasks.items.iter().flatten().filter(|task| task.generation.is_some_and(|own| own < generation));
        old.filter_map(|task| task.abort.as_ref()).for_each(AbortHandle::abort);
    }

    /// Enters a connection.
    pub fn enter(&self) -> usize {
        self.tasks.borrow_mut().insert(Task::default())
    }

    /// How a connection's task can be ended.
    pub fn know(&self, slot: usize, abort: AbortHandle) {
        self.tasks.borrow_mut().with(slot, |task| task.abort = Some(abort));
    }

    /// How a connection's task can be woken.
    pub fn wake_by(&self, slot: usize, waker: Waker) {
        self.tasks.borrow_mut().with(slot, |task| task.waker = Some(waker));
    }

    /// A connection serves a request of a generation, or is idle.
    pub fn serving(&self, slot: usize, generation: Option<u64>) {
        self.tasks.borrow_mut().with(slot, |task| task.generation = generation);
    }

    /// A connection has ended.
    pub fn leave(&self, slot: usize) {
        self.tasks.borrow_mut().remove(slot);
    }

    /// Connections on this thread.
    pub fn connections(&self) -> usize {
        let tasks = self.tasks.borrow();
        tasks.items.len() - tasks.free.len()
    }
}

/// Tasks with stable small indices.
#[derive(Debug, Default)]
struct Slots {
    items: Vec<Option<Task>>,
    free: Vec<usize>,
}

impl Slots {
    fn insert(&mut self, task: Task) -> usize {
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.items.get_mut(index)
        {
            *slot = Some(task);
            return index;
        }
        self.items.push(Some(task));
        self.items.len() - 1
    }

    fn with(&mut self, index: usize, change: impl FnOnce(&mut Task)) {
        if let Some(Some(task)) = self.items.get_mut(index) {
            change(task);
        }
    }

    fn remove(&mut self, index: usize) {
        if self.items.get_mut(index).and_then(Option::take).is_some() {
            self.free.push(index);
        }
    }
}
