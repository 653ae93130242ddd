//! One request after another until told to stop: how long does nobody answer?

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::http::{Reply, Tally, Target};
use super::{Node, Task};

/// What such a load has seen.
#[derive(Clone, Debug)]
pub struct Outage {
    /// All answers.
    pub tally: Tally,
    /// How many requests were sent.
    pub asked: usize,
    /// The longest time between two good answers.
    pub longest: Duration,
    last: Instant,
}

impl Outage {
    fn new() -> Outage {
        Outage { tally: Tally::default(), asked: 0, longest: Duration::ZERO, last: Instant::now() }
    }

    fn add(&mut self, reply: io::Result<Reply>) {
        self.asked += 1;
        if reply.as_ref().is_ok_and(|reply| reply.status == 200) {
            let now = Instant::now();
            self.longest = self.longest.max(now - self.last);
            self.last = now;
        }
        self.tally.add(reply);
    }

    /// What was seen, with the silence until now counted in.
    fn closed(mut self) -> Outage {
        self.longest = self.longest.max(self.last.elapsed());
        self
    }
}

/// The load. It ends when told, or when this is dropped.
#[derive(Debug)]
pub struct Load {
    stop: Arc<AtomicBool>,
    task: Option<Task<Outage>>,
}

impl Load {
    /// GETs from a node, each on a connection of its own, with a pause after each.
    ///
    /// # Errors
    /// As [`Node::thread`].
    pub fn start(node: &Node, target: Target, path: &'static str, pause: Duration) -> io::Result<Load> {
        let stop = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&stop);
        let task = node.thread(move || {
            let mut outage = Outage::new();
            while !end.load(Ordering::Relaxed) {
                outage.add(target.get(path));
                std::thread::sleep(pause);
            }
            outage.closed()
        })?;
        Ok(Load { stop, task: Some(task) })
    }

    /// Ends it and says what it has seen.
    ///
    /// # Errors
    /// As [`Task::join`].
    pub fn end(mut self) -> io::Result<Outage> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?.join()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
