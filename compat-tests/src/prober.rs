//! Echo requests to an address all the time; the ear on the wire hears who answers.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rkeep::rehearse::watch::URGENT;
use rkeep::rehearse::{Event, Node, Task, Watch};
use rkeep::sys::schedule::real_time;
use socket2::{Domain, Protocol, Socket, Type};

/// The requests. They end when this is dropped.
#[derive(Debug)]
pub struct Prober {
    pinging: Arc<AtomicBool>,
    task: Option<Task<()>>,
}

impl Prober {
    /// Asks an address from a node, with that pause after each request.
    ///
    /// # Panics
    /// The node cannot be entered.
    pub fn start(node: &Node, address: Ipv4Addr, pause: Duration) -> Prober {
        let pinging = Arc::new(AtomicBool::new(true));
        let go_on = Arc::clone(&pinging);
        let task = node.thread(move || ping(address, pause, &go_on)).expect("the node can be entered");
        Prober { pinging, task: Some(task) }
    }
}

impl Drop for Prober {
    fn drop(&mut self) {
        self.pinging.store(false, Ordering::Relaxed);
        let _ = self.task.take().map(Task::join);
    }
}

fn ping(address: Ipv4Addr, pause: Duration, go_on: &AtomicBool) {
    // A silence of ours is none of the address'. Without the right to it, a busy machine shows in the figures.
    let _ = real_time(URGENT);
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).expect("a raw socket");
    socket.set_nonblocking(true).expect("it can be so");
    // Type 8, code 0, id 1, sequence 1, and the checksum of that.
    let request = [8, 0, 0xf7, 0xfd, 0, 1, 0, 1];
    while go_on.load(Ordering::Relaxed) {
        // Nobody has the address, or the queue is full of answers nobody reads: the next one counts.
        let _ = socket.send_to(&request, &SocketAddrV4::new(address, 0).into());
        std::thread::sleep(pause);
    }
}

/// The longest time between two answers since a moment, whoever gave them, and until now.
pub fn longest_silence(watch: &Watch, since: Instant) -> Duration {
    let heard = watch.heard();
    let answers = heard.iter().filter(|(at, event)| *at >= since && matches!(event, Event::Echo { .. }));
    let mut last = since;
    let mut longest = Duration::ZERO;
    for at in answers.map(|(at, _)| *at).chain([Instant::now()]) {
        longest = longest.max(at.saturating_duration_since(last));
        last = at;
    }
    longest
}
