//! HTTP/2: header blocks, and what either end sends.

use rkeep::proxy::h2::hpack::{Decoder, Field, Most, encode};
use rkeep::proxy::h2::machine::{Event, Limits, Machine};

const MOST: Most = Most { one: 1024, all: 8192 };
const LIMITS: Limits = Limits { streams: 8, preread: 4096, block: 8192, field: 1024, frame: 16_384 };

/// Header blocks of one connection, the first byte of each saying how long it is: no field is larger than allowed, and what
/// was read means the same once it is written again.
pub fn hpack(bytes: &[u8]) {
    let (mut decoder, mut rest) = (Decoder::default(), bytes);
    while let Some((length, after)) = rest.split_first() {
        let block = after.get(..usize::from(*length)).unwrap_or(after);
        rest = after.get(block.len()..).unwrap_or_default();
        let Ok(fields) = decoder.decode(block, MOST) else { return };
        let size = |(name, value): &Field| name.len() + value.len();
        assert!(fields.iter().map(size).sum::<usize>() <= MOST.all, "a block of more than {}", MOST.all);
        assert!(fields.iter().all(|(name, value)| name.len().max(value.len()) <= MOST.one), "too large a field");
        let mut again = Vec::new();
        fields.iter().for_each(|(name, value)| encode(&mut again, name, value));
        assert_eq!(Decoder::default().decode(&again, MOST).ok(), Some(fields));
    }
}

/// What a client sends: however it is cut, it means the same and is answered by the same. The first byte says how.
pub fn h2_client(bytes: &[u8]) {
    in_pieces(bytes, || Machine::new(LIMITS));
}

/// What a backend sends to who has asked it something: the same.
pub fn h2_backend(bytes: &[u8]) {
    in_pieces(bytes, || {
        let mut machine = Machine::client(LIMITS.block);
        let mut block = Vec::new();
        for (name, value) in [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")] {
            encode(&mut block, name.as_bytes(), value.as_bytes());
        }
        machine.request(&block, true);
        machine
    });
}

fn in_pieces(bytes: &[u8], begin: impl Fn() -> Machine) {
    let Some((cut, said)) = bytes.split_first() else { return };
    let whole = hear(begin(), said, said.len().max(1));
    let pieces = hear(begin(), said, usize::from(*cut).max(1));
    assert_eq!(whole, pieces);
}

/// What has come but for data, which may come in parts; what is answered; and whether it is over. Who is woken has no order.
fn hear(mut machine: Machine, said: &[u8], piece: usize) -> (Vec<Event>, Vec<u8>, bool) {
    let mut events = Vec::new();
    for piece in said.chunks(piece) {
        machine.receive(piece);
        while let Some(event) = machine.event() {
            if !matches!(event, Event::Readable(_) | Event::Writable(_) | Event::AllWritable) {
                events.push(event);
            }
        }
        assert!(machine.open() <= LIMITS.streams, "{} streams are open", machine.open());
    }
    (events, machine.out, machine.over)
}
