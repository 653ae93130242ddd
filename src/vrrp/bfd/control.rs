//! The control packet (RFC 5880, 4.1). Pure.

use std::fmt;
use std::time::Duration;

/// Its length without authentication, which is not spoken here.
pub const LENGTH: usize = 24;

const VERSION: u8 = 1;
const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const AUTHENTICATED: u8 = 0x04;
const MULTIPOINT: u8 = 0x01;

/// What a side thinks of the session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Its operator has taken it down.
    AdminDown,
    /// It hears nothing.
    #[default]
    Down,
    /// It hears the other, and does not know whether that one hears it.
    Init,
    /// Both hear each other.
    Up,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::AdminDown => "AdminDown",
            State::Down => "Down",
            State::Init => "Init",
            State::Up => "Up",
        })
    }
}

/// Why a side left the state Up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Diagnostic(pub u8);

impl Diagnostic {
    /// No packet came for too long.
    pub const EXPIRED: Diagnostic = Diagnostic(1);
    /// The neighbour said so.
    pub const NEIGHBOR: Diagnostic = Diagnostic(3);
    /// The operator did it.
    pub const ADMINISTRATIVE: Diagnostic = Diagnostic(7);
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0 => "No Diagnostic",
            1 => "Control Detection Time Expired",
            2 => "Echo Function Failed",
            3 => "Neighbor Signaled Session Down",
            4 => "Forwarding Plane Reset",
            5 => "Path Down",
            6 => "Concatenated Path Down",
            7 => "Administratively Down",
            8 => "Reverse Concatenated Path Down",
            _ => "Reserved",
        })
    }
}

/// A control packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Control {
    /// Why the sender left Up last.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// An answer is wanted at once.
    pub poll: bool,
    /// This is the answer.
    pub last: bool,
    /// The sender's multiplier.
    pub multiplier: u8,
    /// The sender's number of the session.
    pub mine: u32,
    /// The receiver's; zero where it is not known yet.
    pub yours: u32,
    /// How often the sender would send.
    pub min_tx: Duration,
    /// How often the sender can hear; zero for not at all.
    pub min_rx: Duration,
}

impl Control {
    /// Its bytes.
    pub fn bytes(&self) -> [u8; LENGTH] {
        let flags = if self.poll { POLL } else { 0 } | if self.last { FINAL } else { 0 };
        let state = match self.state {
            State::AdminDown => 0,
            State::Down => 1,
            State::Init => 2,
            State::Up => 3,
        };
        let mut bytes = [0; LENGTH];
        let head = [VERSION << 5 | (self.diagnostic.0 & 0x1f), state << 6 | flags, self.multiplier, LENGTH as u8];
        let words = [u32::from_be_bytes(head), self.mine, self.yours, micros(self.min_tx), micros(self.min_rx), 0];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    /// Reads a packet; none where it is to be dropped (RFC 5880, 6.8.6).
    pub fn parse(bytes: &[u8]) -> Option<Control> {
        let packet = bytes.first_chunk::<LENGTH>()?;
        let [first, second, multiplier, length, ..] = *packet;
        let word = |at: usize| Some(u32::from_be_bytes(packet.get(at * 4..at * 4 + 4)?.try_into().ok()?));
        let state = match second >> 6 {
            0 => State::AdminDown,
            1 => State::Down,
            2 => State::Init,
            _ => State::Up,
        };
        let (mine, yours) = (word(1)?, word(2)?);
        let sound = first >> 5 == VERSION
            && (LENGTH..=bytes.len()).contains(&usize::from(length))
            && multiplier != 0
            && second & (MULTIPOINT | AUTHENTICATED) == 0
            && mine != 0
            && (yours != 0 || matches!(state, State::AdminDown | State::Down));
        sound.then_some(Control {
            diagnostic: Diagnostic(first & 0x1f),
            state,
            poll: second & POLL != 0,
            last: second & FINAL != 0,
            multiplier,
            mine,
            yours,
            min_tx: Duration::from_micros(word(3)?.into()),
            min_rx: Duration::from_micros(word(4)?.into()),
        })
    }
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: Control = Control {
        diagnostic: Diagnostic::EXPIRED,
        state: State::Up,
        poll: true,
        last: false,
        multiplier: 3,
        mine: 0x0102_0304,
        yours: 7,
        min_tx: Duration::from_millis(10),
        min_rx: Duration::from_millis(20),
    };

    #[test]
    fn is_laid_out_as_the_rfc_says() {
        let bytes = CONTROL.bytes();
        assert_eq!(bytes[..12], [0x21, 0xe0, 3, 24, 1, 2, 3, 4, 0, 0, 0, 7]);
        assert_eq!(bytes[12..], [0, 0, 0x27, 0x10, 0, 0, 0x4e, 0x20, 0, 0, 0, 0]);
        assert_eq!(Control::parse(&bytes), Some(CONTROL));
    }

    #[test]
    fn drops_what_the_rfc_drops() {
        let dropped = |at: usize, byte: u8| {
            let mut bytes = CONTROL.bytes();
            bytes[at] = byte;
            Control::parse(&bytes)
        };
        assert_eq!(dropped(0, 0x41), None, "another version");
        assert_eq!(dropped(1, 0xe4), None, "authenticated");
        assert_eq!(dropped(1, 0xe1), None, "multipoint");
        assert_eq!(dropped(2, 0), None, "no multiplier");
        assert_eq!((dropped(3, 23), dropped(3, 25)), (None, None), "another length");
        assert_eq!(dropped(11, 0), None, "up, and does not know us");
        assert_eq!(Control::parse(&CONTROL.bytes()[..23]), None);
        assert_eq!(Control::parse(&[0; 24]), None);
    }
}
