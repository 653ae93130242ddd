//! One session (RFC 5880, 6.8), asynchronous, without demand mode and echo. Pure: it is told the time.

use std::time::{Duration, Instant};

use rkeep_parsers::ir::bfd::Session;

use super::control::{Control, Diagnostic, State};

/// Something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send it.
    Send(Control),
    /// The session has another state.
    Entered {
        /// Which.
        state: State,
        /// Why it is down.
        diagnostic: Diagnostic,
    },
    /// Nothing came for so long.
    Expired(Duration),
}

/// A session.
#[derive(Debug)]
pub struct Machine {
    session: Session,
    state: State,
    diagnostic: Diagnostic,
    mine: u32,
    /// What the neighbour said last.
    remote: Option<Control>,
    /// It was up when the neighbour's operator ended it: that tells nothing of the path (RFC 5882, 4.2).
    excused: bool,
    /// We have changed what we say of our pace, and wait for the answer.
    polling: bool,
    send_at: Option<Instant>,
    expires_at: Option<Instant>,
    /// Where jitter comes from.
    chance: u32,
}

impl Machine {
    /// A session that begins, with a number of its own, which is not zero.
    pub fn new(session: Session, mine: u32, now: Instant) -> Machine {
        let send_at = (!session.passive).then_some(now);
        let (state, diagnostic, chance) = (State::Down, Diagnostic::default(), mine);
        let (remote, excused, polling, expires_at) = (None, false, false, None);
        Machine { session, state, diagnostic, mine, remote, excused, polling, send_at, expires_at, chance }
    }

    /// What it follows.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Whether both hear each other.
    pub fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Whether whoever tracks it may go on: it is up, or was ended on purpose.
    pub fn is_well(&self) -> bool {
        self.is_up() || self.excused
    }

    /// When it must be told the time.
    pub fn deadline(&self) -> Option<Instant> {
        [self.send_at, self.expires_at].into_iter().flatten().min()
    }

    /// Whether a packet is for this session.
    pub fn is_for(&self, control: &Control) -> bool {
        control.yours == 0 || control.yours == self.mine
    }

    /// A packet of the neighbour's came.
    pub fn hear(&mut self, now: Instant, control: Control, out: &mut Vec<Effect>) {
        let first = self.remote.is_none();
        let slower = self.remote.is_some_and(|known| known.min_rx != control.min_rx);
        self.remote = Some(control);
        self.polling &= !control.last;
        self.expires_at = Some(now + self.patience(&control));
        match (self.state, control.state) {
            (State::AdminDown, _) => return,
            (State::Init | State::Up, State::AdminDown) | (State::Up, State::Down) => {
                let excused = self.is_up() && control.state == State::AdminDown;
                self.enter(State::Down, Diagnostic::NEIGHBOR, out);
                self.excused = excused;
            }
            (State::Down, State::Down) => self.enter(State::Init, self.diagnostic, out),
            (State::Down, State::Init) | (State::Init, State::Init | State::Up) => {
                self.enter(State::Up, Diagnostic::default(), out);
                // What is said of our pace changes with it.
                self.polling = true;
            }
            _ => {}
        }
        let changed = out.iter().any(|effect| matches!(effect, Effect::Entered { .. }));
        if control.poll {
            out.push(Effect::Send(Control { poll: false, last: true, ..self.says() }));
        }
        if first || changed || slower {
            // The neighbour need not wait for news.
            self.send_at = Some(if changed { now } else { self.next(now) });
        }
    }

    /// The time has come.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Effect>) {
        if let Some(at) = self.expires_at.take_if(|at| *at <= now) {
            self.expire(now, at, out);
        }
        if self.send_at.is_some_and(|at| at <= now) {
            // A neighbour that hears nothing is not spoken to, but for a poll.
            if self.remote.is_none_or(|remote| !remote.min_rx.is_zero()) || self.polling {
                out.push(Effect::Send(self.says()));
            }
            let silent = self.session.passive && self.remote.is_none();
            self.send_at = (!silent).then(|| self.next(now));
        }
    }

    /// The operator ends it.
    pub fn stop(&mut self, out: &mut Vec<Effect>) {
        (self.state, self.diagnostic) = (State::AdminDown, Diagnostic::ADMINISTRATIVE);
        (self.send_at, self.expires_at, self.polling) = (None, None, false);
        if self.remote.is_some() || !self.session.passive {
            out.push(Effect::Send(self.says()));
        }
    }

    fn expire(&mut self, now: Instant, at: Instant, out: &mut Vec<Effect>) {
        let patience = self.remote.as_ref().map_or(Duration::ZERO, |remote| self.patience(remote));
        self.remote = None;
        if matches!(self.state, State::Init | State::Up) {
            out.push(Effect::Expired(patience + now.saturating_duration_since(at)));
            self.enter(State::Down, Diagnostic::EXPIRED, out);
            self.send_at = Some(now);
        }
    }

    fn enter(&mut self, state: State, diagnostic: Diagnostic, out: &mut Vec<Effect>) {
        (self.state, self.diagnostic) = (state, diagnostic);
        self.excused &= state != State::Down;
        self.polling &= state == State::Up;
        out.push(Effect::Entered { state, diagnostic });
    }

    /// How long nothing may come (6.8.4): by the neighbour's multiplier and what both agree on.
    fn patience(&self, remote: &Control) -> Duration {
        remote.min_tx.max(self.session.min_rx) * u32::from(remote.multiplier)
    }

    /// How often we would send.
    fn pace(&self) -> Duration {
        if self.is_up() { self.session.min_tx } else { self.session.idle_tx }
    }

    fn says(&self) -> Control {
        Control {
            diagnostic: self.diagnostic,
            state: self.state,
            poll: self.polling,
            last: false,
            multiplier: self.session.multiplier,
            mine: self.mine,
            yours: self.remote.map_or(0, |remote| remote.mine),
            min_tx: self.pace(),
            min_rx: self.session.min_rx,
        }
    }

    /// When to send again: earlier by up to a quarter, so that sessions do not fall into step (6.8.7); never so late that a
    /// multiplier of one would be a loss.
    fn next(&mut self, now: Instant) -> Instant {
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let interval = self.pace().max(self.remote.map_or(Duration::ZERO, |remote| remote.min_rx));
        let (least, span) = if self.session.multiplier == 1 { (75, 15) } else { (75, 25) };
        now + interval * (least * 1000 + (self.chance >> 8) % (span * 1000)) / 100_000
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use rkeep_parsers::ir::track::Weight;

    use super::*;

    fn session(passive: bool) -> Session {
        Session {
            name: "B".to_owned(),
            neighbor: IpAddr::from([10, 0, 0, 2]),
            source: None,
            min_rx: Duration::from_millis(10),
            min_tx: Duration::from_millis(10),
            idle_tx: Duration::from_secs(1),
            multiplier: 5,
            passive,
            ttl: 255,
            max_hops: Some(0),
            multihop: false,
            weight: Weight::default(),
        }
    }

    /// Two sessions with a cable.
    struct Two {
        now: Instant,
        sides: [Machine; 2],
        cut: bool,
        /// Longest time between two packets of a side while up.
        sent: [Option<Instant>; 2],
        slowest: Duration,
    }

    impl Two {
        fn new(passive: bool) -> Two {
            let now = Instant::now();
            let sides = [Machine::new(session(false), 1, now), Machine::new(session(passive), 2, now)];
            Two { now, sides, cut: false, sent: [None; 2], slowest: Duration::ZERO }
        }

        fn pass(&mut self, time: Duration) {
            let end = self.now + time;
            loop {
                let due = (0..2).filter_map(|side| Some((self.sides[side].deadline()?, side))).min();
                let Some((at, side)) = due.filter(|(at, _)| *at <= end) else { break };
                self.now = self.now.max(at);
                let mut out = Vec::new();
                self.sides[side].tick(self.now, &mut out);
                self.carry(side, out);
            }
            self.now = end;
        }

        fn carry(&mut self, side: usize, out: Vec<Effect>) {
            for effect in out {
                let Effect::Send(control) = effect else { continue };
                if let Some(last) = self.sent[side].replace(self.now).filter(|_| self.sides[side].is_up()) {
                    self.slowest = self.slowest.max(self.now - last);
                }
                if !self.cut {
                    let mut answer = Vec::new();
                    self.sides[1 - side].hear(self.now, Control::parse(&control.bytes()).expect("sound"), &mut answer);
                    self.carry(1 - side, answer);
                }
            }
        }

        fn up(&self) -> [bool; 2] {
            [self.sides[0].is_up(), self.sides[1].is_up()]
        }
    }

    #[test]
    fn two_sides_come_up_and_speed_up() {
        for passive in [false, true] {
            let mut two = Two::new(passive);
            two.pass(Duration::from_millis(2_500));
            assert_eq!(two.up(), [true, true]);
            assert!(!two.sides[0].polling && !two.sides[1].polling, "each poll has its answer");
            (two.slowest, two.sent) = (Duration::ZERO, [None; 2]);
            two.pass(Duration::from_secs(2));
            assert!(two.slowest <= Duration::from_millis(10), "{:?}", two.slowest);
        }
    }

    #[test]
    fn a_cut_cable_is_found_in_so_many_intervals() {
        let mut two = Two::new(false);
        two.pass(Duration::from_secs(3));
        two.cut = true;
        two.pass(Duration::from_millis(39));
        assert_eq!(two.up(), [true, true]);
        two.pass(Duration::from_millis(12));
        assert_eq!(two.up(), [false, false]);
        assert_eq!(two.sides[0].diagnostic, Diagnostic::EXPIRED);
        assert!(!two.sides[0].is_well());
        two.cut = false;
        two.pass(Duration::from_millis(2_500));
        assert_eq!(two.up(), [true, true]);
    }

    #[test]
    fn a_stop_is_told_at_once() {
        let mut two = Two::new(false);
        two.pass(Duration::from_secs(3));
        let mut out = Vec::new();
        two.sides[0].stop(&mut out);
        two.carry(0, out);
        assert_eq!(two.up(), [false, false]);
        assert_eq!(two.sides[1].diagnostic, Diagnostic::NEIGHBOR);
        two.pass(Duration::from_secs(5));
        assert_eq!(two.sides[1].state, State::Down);
        assert!(two.sides[1].is_well(), "a stop on purpose is no failure");
    }

    #[test]
    fn who_is_passive_waits_to_be_spoken_to() {
        let mut machine = Machine::new(session(true), 9, Instant::now());
        assert_eq!(machine.deadline(), None);
        let mut out = Vec::new();
        machine.stop(&mut out);
        assert_eq!(out, []);
    }
}
