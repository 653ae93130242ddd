//! Sessions on the network: one socket a family and port hears, each session has one to send from (RFC 5881, 4).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Instant;

use rkeep_parsers::ir::bfd::Session;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::ReadBuf;
use tokio::net::UdpSocket;
use tracing::{debug, info, warn};

use super::control::{Control, LENGTH, State};
use super::machine::{Effect, Machine};
use crate::sys::socket::set_least_hops;

/// Where packets go to a neighbour on the same link, and over routers (RFC 5883).
const PORT: u16 = 3784;
const MULTIHOP: u16 = 4784;
/// Where they come from (RFC 5881, 4).
const FROM: std::ops::RangeInclusive<u16> = 49_152..=65_535;

/// A socket that hears, by family and port.
type Place = (bool, u16);

/// A session and where it sends from.
#[derive(Debug)]
struct Spoken {
    machine: Machine,
    socket: Option<UdpSocket>,
    /// The last packet could not be sent, and that has been said.
    mute: bool,
}

/// All sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    spoken: Vec<Spoken>,
    ears: HashMap<Place, UdpSocket>,
    effects: Vec<Effect>,
    /// The number of the next session.
    number: u32,
}

impl Sessions {
    /// Takes sessions up: those that are the same live on, those that are gone say so.
    pub fn adopt(&mut self, sessions: &[Session]) {
        let mut old = std::mem::take(&mut self.spoken);
        for session in sessions {
            let same = old.iter().position(|spoken| spoken.machine.session() == session);
            let spoken = same.map(|at| old.swap_remove(at));
            let spoken = spoken.unwrap_or_else(|| self.begin(session));
            self.spoken.push(spoken);
        }
        old.iter_mut().for_each(end);
        let wanted: Vec<Place> = sessions.iter().map(place).collect();
        self.ears.retain(|place, _| wanted.contains(place));
        for place in wanted {
            let all = || sessions.iter().filter(|session| self::place(session) == place);
            let hops = all().map(least_hops).min().unwrap_or(0);
            if let Some(ear) = self.ears.get(&place) {
                let _ = set_least_hops(ear, place.0, hops);
                continue;
            }
            match listen(place, hops) {
                Ok(socket) => drop(self.ears.insert(place, socket)),
                Err(error) => warn!("BFD: cannot listen on port {}: {error}", place.1),
            }
        }
    }

    fn begin(&mut self, session: &Session) -> Spoken {
        // Numbers need not be secret, but one that a former process had would make its packets ours.
        let salt = std::process::id().rotate_left(16);
        self.number = self.number.wrapping_add(1);
        let machine = Machine::new(session.clone(), (salt ^ self.number).max(1), Instant::now());
        let socket = speak(session);
        if let Err(error) = &socket {
            warn!("({}) BFD: cannot open a socket: {error}", session.name);
        }
        Spoken { machine, socket: socket.ok(), mute: false }
    }

    /// Whether a session is up, or its neighbour has ended it on purpose.
    pub fn is_up(&self, name: &str) -> bool {
        self.spoken.iter().any(|spoken| spoken.machine.session().name == name && spoken.machine.is_well())
    }

    /// Names of all sessions.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.spoken.iter().map(|spoken| spoken.machine.session().name.as_str())
    }

    /// When [`Sessions::tick`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.spoken.iter().filter_map(|spoken| spoken.machine.deadline()).min()
    }

    /// Waits until packets wait. Cancel safe.
    pub async fn heard(&self) {
        std::future::poll_fn(|context: &mut Context<'_>| {
            let ready = self.ears.values().filter(|ear| ear.poll_recv_ready(context).is_ready()).count();
            if ready > 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Takes all packets that wait, then the time. Whether a session came up or went down.
    pub fn turn(&mut self) -> bool {
        let mut changed = false;
        let mut buffer = [0; 2 * LENGTH];
        for ear in self.ears.values() {
            let mut read = ReadBuf::new(&mut buffer);
            while let Ok((length, from)) = ear.try_recv_from(read.initialize_unfilled()) {
                let control = read.initialized().get(..length).and_then(Control::parse);
                let Some(control) = control else {
                    debug!("Discarding bogus packet from {from}");
                    continue;
                };
                let is_for = |spoken: &&mut Spoken| {
                    spoken.machine.session().neighbor == from.ip() && spoken.machine.is_for(&control)
                };
                let Some(spoken) = self.spoken.iter_mut().find(is_for) else {
                    debug!("Discarding packet from {from} (session is not found)");
                    continue;
                };
                spoken.machine.hear(Instant::now(), control, &mut self.effects);
                changed |= perform(spoken, &mut self.effects);
            }
        }
        changed | self.tick()
    }

    fn tick(&mut self) -> bool {
        let mut changed = false;
        let now = Instant::now();
        for spoken in &mut self.spoken {
            if spoken.machine.deadline().is_some_and(|at| at <= now) {
                spoken.machine.tick(now, &mut self.effects);
                changed |= perform(spoken, &mut self.effects);
            }
        }
        changed
    }

    /// Tells all neighbours that we go.
    pub fn stop(&mut self) {
        self.spoken.iter_mut().for_each(end);
    }
}

fn end(spoken: &mut Spoken) {
    let mut effects = Vec::new();
    spoken.machine.stop(&mut effects);
    perform(spoken, &mut effects);
}

fn perform(spoken: &mut Spoken, effects: &mut Vec<Effect>) -> bool {
    let session = spoken.machine.session();
    let mut changed = false;
    for effect in effects.drain(..) {
        match effect {
            Effect::Send(control) => {
                let to = SocketAddr::new(session.neighbor, place(session).1);
                let sent = spoken.socket.as_ref().map(|socket| socket.try_send_to(&control.bytes(), to));
                match sent {
                    Some(Err(error)) if !std::mem::replace(&mut spoken.mute, true) => {
                        info!("({}) Error sending packet: {error}", session.name);
                    }
                    Some(Ok(_)) => spoken.mute = false,
                    _ => {}
                }
            }
            Effect::Entered { state, diagnostic } => {
                changed |= matches!(state, State::Up | State::Down);
                match state {
                    State::Down => info!("({}) Entering {state} state (Local diagnostic - {diagnostic})", session.name),
                    _ => info!("({}) Entering {state} state", session.name),
                }
            }
            Effect::Expired(after) => info!("({}) Expired after {} ms", session.name, after.as_millis()),
        }
    }
    changed
}

fn place(session: &Session) -> Place {
    (session.neighbor.is_ipv4(), if session.multihop { MULTIHOP } else { PORT })
}

/// The least hop limit that packets may come with, all being sent with 255.
fn least_hops(session: &Session) -> u8 {
    session.max_hops.map_or(0, |hops| 255 - hops)
}

fn any(ipv4: bool) -> IpAddr {
    if ipv4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

fn listen((ipv4, port): Place, hops: u8) -> io::Result<UdpSocket> {
    let socket = datagram(ipv4)?;
    socket.set_reuse_address(true)?;
    set_least_hops(&socket, ipv4, hops)?;
    socket.bind(&SocketAddr::new(any(ipv4), port).into())?;
    UdpSocket::from_std(socket.into())
}

fn speak(session: &Session) -> io::Result<UdpSocket> {
    let ipv4 = session.neighbor.is_ipv4();
    let source = session.source.unwrap_or(any(ipv4));
    let socket = datagram(ipv4)?;
    match ipv4 {
        true => {
            socket.set_ttl_v4(session.ttl.into())?;
            socket.set_tos_v4(0xc0)?;
        }
        false => socket.set_unicast_hops_v6(session.ttl.into())?,
    }
    let bound = FROM.map(|port| socket.bind(&SocketAddr::new(source, port).into()));
    let in_use = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
    for bound in bound {
        match bound {
            Err(error) if in_use(&error) => {}
            Err(error) => return Err(error),
            Ok(()) => return UdpSocket::from_std(socket.into()),
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

fn datagram(ipv4: bool) -> io::Result<Socket> {
    let domain = if ipv4 { Domain::IPV4 } else { Domain::IPV6 };
    let socket = Socket::new(domain, Type::DGRAM.nonblocking().cloexec(), Some(Protocol::UDP))?;
    if !ipv4 {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}
