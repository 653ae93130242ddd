//! One request after another until told to stop: how long does nobody answer?

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::http::{Reply, Tally, Target};
use super::{Node, Task};

/// The kernel's count of a thread's time: on a processor, and ready to run but not let.
const OWN_TIMES: &str = "/proc/thread-self/schedstat";

/// What such a load has seen.
#[derive(Clone, Debug)]
pub struct Outage {
    /// All answers.
    pub tally: Tally,
    /// How many requests were sent.
    pub asked: usize,
    /// The longest time between two good answers.
    pub longest: Duration,
    /// The same, less what the client is known to have slept too long or waited for a processor itself.
    pub silence: Duration,
    last: Instant,
    /// How much of the time since the last good answer that is.
    lag: Duration,
}

impl Outage {
    fn new() -> Outage {
        let (longest, silence, lag) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        Outage { tally: Tally::default(), asked: 0, longest, silence, last: Instant::now(), lag }
    }

    fn add(&mut self, reply: io::Result<Reply>) {
        self.asked += 1;
        if reply.as_ref().is_ok_and(|reply| reply.status == 200) {
            self.measure();
        }
        self.tally.add(reply);
    }

    /// Ends a silence.
    fn measure(&mut self) {
        let now = Instant::now();
        let silence = now - self.last;
        self.longest = self.longest.max(silence);
        self.silence = self.silence.max(silence.saturating_sub(self.lag));
        (self.last, self.lag) = (now, Duration::ZERO);
    }

    /// What was seen, with the silence until now counted in.
    fn closed(mut self) -> Outage {
        self.measure();
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
                let before = waited();
                let reply = target.get(path);
                outage.lag += waited().saturating_sub(before);
                outage.add(reply);
                let asleep = Instant::now();
                std::thread::sleep(pause);
                outage.lag += asleep.elapsed().saturating_sub(pause);
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

/// How long this thread has been ready to run and was not let, as the kernel counts it; nothing where it does not.
fn waited() -> Duration {
    let counted = std::fs::read_to_string(OWN_TIMES).unwrap_or_default();
    Duration::from_nanos(counted.split_whitespace().nth(1).and_then(|count| count.parse().ok()).unwrap_or(0))
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_clients_own_lag_is_taken_off_a_silence() {
        let ms = Duration::from_millis;
        let mut outage = Outage::new();
        (outage.last, outage.lag) = (Instant::now() - ms(900), ms(700));
        outage.measure();
        assert!(outage.longest >= ms(900) && outage.silence >= ms(200) && outage.silence < outage.longest);
        outage.last = Instant::now() - ms(800);
        outage.measure();
        assert!(outage.longest >= ms(900) && outage.silence >= ms(800));
    }
}
