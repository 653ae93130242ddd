//! An ear on the wire: VRRP adverts, gratuitous ARP and echo replies as a node's interface sees them, with their times.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use socket2::{Domain, Protocol, Socket, Type};

use super::{Node, Task};
use crate::sys::schedule::real_time;

const ETH_P_ALL: u16 = 0x0003;
/// VRRP's number among the protocols of IP.
const VRRP: u8 = 112;
/// That of the authentication header.
const AH: u8 = 51;
/// The real-time priority of what measures: below that of those who are measured.
pub const URGENT: u32 = 1;
/// How long one read waits before it looks whether it shall end.
const PATIENCE: Duration = Duration::from_millis(100);
/// How many bytes of frames may wait to be read.
const BACKLOG: usize = 4 << 20;

/// What passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A VRRP advert.
    Advert {
        /// Who sent it.
        from: Ipv4Addr,
        /// Its virtual router.
        router: u8,
        /// Its priority.
        priority: u8,
    },
    /// A VRRP advert that travels by IPv6.
    Advert6 {
        /// Who sent it.
        from: Ipv6Addr,
        /// Its virtual router.
        router: u8,
        /// Its priority.
        priority: u8,
    },
    /// A gratuitous ARP: this hardware address claims that address.
    Announce {
        /// Who has it now.
        mac: [u8; 6],
        /// The address.
        address: Ipv4Addr,
    },
    /// An answer to a ping.
    Echo {
        /// Which box answered.
        mac: [u8; 6],
        /// In which address's name.
        from: Ipv4Addr,
    },
}

/// The ear. It ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    heard: Heard,
    stop: Arc<AtomicBool>,
    task: Option<Task<()>>,
}

type Heard = Arc<Mutex<Vec<(Instant, Event)>>>;

impl Watch {
    /// Listens on all interfaces of a node.
    ///
    /// # Errors
    /// No packet socket can be opened.
    pub fn new(node: &Node) -> io::Result<Watch> {
        Watch::with(node, || ())
    }

    /// The same before other work of this machine, for times that do not show how busy it is.
    ///
    /// # Errors
    /// No packet socket can be opened.
    pub fn urgent(node: &Node) -> io::Result<Watch> {
        // Without the right to it, the times show it.
        Watch::with(node, || drop(real_time(URGENT)))
    }

    fn with(node: &Node, prepare: impl FnOnce() + Send + 'static) -> io::Result<Watch> {
        let socket = node.within(|| {
            let protocol = Protocol::from(i32::from(ETH_P_ALL.to_be()));
            let socket = Socket::new(Domain::PACKET, Type::RAW, Some(protocol))?;
            socket.set_read_timeout(Some(PATIENCE))?;
            // Without the right to it, a busy machine hears less in a flood.
            let _ = set_socket_recv_buffer_size_force(&socket, BACKLOG);
            Ok(socket)
        })?;
        let (heard, stop) = (Heard::default(), Arc::new(AtomicBool::new(false)));
        let (kept, end) = (Arc::clone(&heard), Arc::clone(&stop));
        let task = node.thread(move || {
            prepare();
            listen(socket, &kept, &end);
        })?;
        Ok(Watch { heard, stop, task: Some(task) })
    }

    /// Everything so far.
    pub fn heard(&self) -> Vec<(Instant, Event)> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first thing after a moment that fits.
    pub fn first(&self, after: Instant, fits: impl Fn(&Event) -> bool) -> Option<(Instant, Event)> {
        self.heard().into_iter().find(|(at, event)| *at >= after && fits(event))
    }

    /// The last thing before a moment that fits.
    pub fn last(&self, before: Instant, fits: impl Fn(&Event) -> bool) -> Option<(Instant, Event)> {
        self.heard().into_iter().rev().find(|(at, event)| *at < before && fits(event))
    }

    /// Who sent the newest advert, if it is younger than that.
    pub fn master(&self, within: Duration) -> Option<Ipv4Addr> {
        self.heard().into_iter().rev().find_map(|(at, event)| match event {
            Event::Advert { from, priority: 1.., .. } if at.elapsed() < within => Some(from),
            _ => None,
        })
    }

    /// All of it as lines of text with milliseconds since a moment, for messages of failed tests.
    pub fn told(&self, since: Instant) -> String {
        self.heard().iter().filter(|(at, _)| *at >= since).fold(String::new(), |mut text, (at, event)| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{:9.1} ms {event:?}", (*at - since).as_secs_f64() * 1e3);
            text
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.task.take().map(Task::join);
    }
}

fn listen(mut socket: Socket, heard: &Heard, stop: &AtomicBool) {
    let mut frame = [0; 2048];
    while !stop.load(Ordering::Relaxed) {
        match socket.read(&mut frame) {
            Ok(count) => {
                let event = frame.get(..count).and_then(understand);
                let at = Instant::now();
                heard.lock().unwrap_or_else(PoisonError::into_inner).extend(event.map(|event| (at, event)));
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // The interface went away or down: it may come back.
            Err(_) => std::thread::sleep(PATIENCE),
        }
    }
}

/// What an Ethernet frame says, if it is one of ours.
fn understand(frame: &[u8]) -> Option<Event> {
    let mac: [u8; 6] = frame.get(6..12)?.try_into().ok()?;
    let packet = frame.get(14..)?;
    match frame.get(12..14)? {
        [0x08, 0x06] => {
            let (sender, target) = (address(packet, 14)?, address(packet, 24)?);
            (sender == target).then_some(Event::Announce { mac, address: sender })
        }
        [0x08, 0x00] => {
            let from = address(packet, 12)?;
            let payload = packet.get(usize::from(packet.first()? & 15) * 4..)?;
            match (packet.get(9)?, payload.first()?) {
                // Authenticated by a header of its own before it.
                (&AH, &VRRP) => {
                    let advert = payload.get(usize::from(*payload.get(1)?) * 4 + 8..)?;
                    Some(Event::Advert { from, router: *advert.get(1)?, priority: *advert.get(2)? })
                }
                (&VRRP, _) => Some(Event::Advert { from, router: *payload.get(1)?, priority: *payload.get(2)? }),
                (1, 0) => Some(Event::Echo { mac, from }),
                _ => None,
            }
        }
        [0x86, 0xdd] if packet.get(6) == Some(&VRRP) => {
            let octets: [u8; 16] = packet.get(8..24)?.try_into().ok()?;
            let payload = packet.get(40..)?;
            Some(Event::Advert6 { from: octets.into(), router: *payload.get(1)?, priority: *payload.get(2)? })
        }
        _ => None,
    }
}

fn address(packet: &[u8], at: usize) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
    Some(octets.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_adverts_and_announcements_only() {
        let mut frame = vec![0xff; 6];
        frame.extend([2, 0, 192, 168, 3, 1, 8, 0, 0x45, 0, 0, 40, 0, 1, 0, 0, 255, 112, 0, 0, 192, 168, 3, 1]);
        frame.extend([224, 0, 0, 18, 0x21, 51, 100, 1]);
        let from = Ipv4Addr::new(192, 168, 3, 1);
        assert_eq!(understand(&frame), Some(Event::Advert { from, router: 51, priority: 100 }));
        let mut frame = vec![0x01; 6];
        frame.extend([2, 0, 192, 168, 3, 1, 8, 0, 0x45, 0, 0, 64, 0, 1, 0, 0, 255, 51, 0, 0, 192, 168, 3, 1]);
        frame.extend([224, 0, 0, 18, 112, 4, 0, 0]);
        frame.extend([7; 20]);
        frame.extend([0x21, 51, 100, 1]);
        assert_eq!(understand(&frame), Some(Event::Advert { from, router: 51, priority: 100 }));
        let from = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xc0ff, 0xfea8, 0x301);
        let mut frame = vec![0x33; 6];
        frame.extend([2, 0, 192, 168, 3, 1, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 112, 255]);
        frame.extend(from.octets().into_iter().chain([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12]));
        frame.extend([0x31, 52, 90, 1]);
        assert_eq!(understand(&frame), Some(Event::Advert6 { from, router: 52, priority: 90 }));
        let mut frame = vec![0xff; 6];
        frame.extend([2, 0, 192, 168, 3, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 192, 168, 3, 1]);
        frame.extend([192, 168, 3, 253, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 168, 3, 253]);
        let announce = Event::Announce { mac: [2, 0, 192, 168, 3, 1], address: Ipv4Addr::new(192, 168, 3, 253) };
        assert_eq!(understand(&frame), Some(announce));
        frame.truncate(30);
        assert_eq!(understand(&frame), None);
    }
}
