//! The end that makes requests.

use super::*;

/// What servers may send of an answer unasked.
const ROOM: u32 = LARGEST as u32;

impl Machine {
    /// A connection that has just been made; `block`: bytes of a header block, packed and unpacked.
    pub fn client(block: usize) -> Machine {
        let mut out = PREFACE.to_vec();
        // No table for us, nothing pushed, and the answer as fast as it is read.
        frame::settings(&mut out, &[(1, 0), (2, 0), (4, ROOM)]);
        frame::number(&mut out, kind::WINDOW_UPDATE, 0, (LARGEST - WINDOW) as u32);
        Machine::begin(Role::Client, Limits { streams: 1, preread: ROOM, block, field: block, frame: USUAL }, out)
    }

    /// Makes a request and gives its stream; none when the connection takes no more.
    pub fn request(&mut self, block: &[u8], ends: bool) -> Option<u32> {
        let id = if self.last == 0 { 1 } else { self.last + 2 };
        if self.is_spent() || !self.streams.is_empty() {
            return None;
        }
        self.last = id;
        self.requests += 1;
        let stream = Stream { ended_out: ends, headed: false, ..Stream::new(self.initial, ROOM) };
        self.streams.insert(id, stream);
        frame::headers(&mut self.out, id, block, ends, self.most);
        Some(id)
    }

    /// Whether no further request can be made.
    pub fn is_spent(&self) -> bool {
        self.over || self.leaving || self.last >= LARGEST as u32 - 2
    }

    /// Why there is no (further) answer.
    pub fn why(&self) -> Option<Ended> {
        self.why
    }

    /// Whether all has been said on a stream, both ways, and read.
    pub fn is_done(&self, id: u32) -> bool {
        self.streams
            .get(&id)
            .is_some_and(|stream| stream.ended_in && stream.ended_out && stream.input.is_empty() && !stream.reset)
    }

    /// Bytes that have come and are not read.
    pub fn held(&self, id: u32) -> usize {
        self.streams.get(&id).map_or(0, |stream| stream.input.len())
    }

    /// A header block of the server.
    pub(super) fn block_of_answer(&mut self, block: &Block, fields: Vec<Field>) -> Outcome {
        let Some(stream) = self.streams.get_mut(&block.stream).filter(|stream| !stream.reset) else { return Ok(()) };
        stream.ended_in |= block.ends;
        if stream.headed {
            self.events.push_back(Event::Trailers { fields });
            return Ok(());
        }
        let interim = fields.first().is_some_and(|(name, value)| name == b":status" && is_interim(value));
        if interim {
            self.events.push_back(Event::Interim { fields });
            return if block.ends { Err(Code::Protocol) } else { Ok(()) };
        }
        stream.headed = true;
        self.events.push_back(Event::Answer { fields });
        Ok(())
    }

    /// The server takes no new requests, and perhaps not the present one.
    pub(super) fn sent_away(&mut self, payload: &[u8]) -> Outcome {
        let number = |at: usize| payload.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        let (last, code) = (number(0).unwrap_or(0) & 0x7fff_ffff, number(4).unwrap_or(0));
        self.leaving = true;
        for stream in self.streams.iter_mut().filter(|(id, _)| **id > last).map(|(_, stream)| stream) {
            stream.reset = true;
            self.why.get_or_insert(Ended::SentAway(code));
        }
        Ok(())
    }

    /// The server has broken a stream off. Without a fault, once, and after the answer's end that is no harm.
    pub(super) fn was_rejected(&mut self, id: u32, code: u32) -> Outcome {
        let Some(stream) = self.streams.get_mut(&id) else { return Ok(()) };
        if code == Code::NoError as u32 && stream.ended_in && !stream.dismissed {
            stream.dismissed = true;
            return Ok(());
        }
        stream.reset = true;
        stream.input.clear();
        self.why.get_or_insert(Ended::Rejected(code));
        Ok(())
    }
}

fn is_interim(status: &[u8]) -> bool {
    status.len() == 3 && status.first() == Some(&b'1') && status != b"101"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Machine {
        let mut machine = Machine::client(32 * 1024);
        assert_eq!(machine.request(&[0x83], false), Some(1));
        machine.out.clear();
        machine
    }

    fn head(stream: u32, ends: bool) -> Vec<u8> {
        let mut out = Vec::new();
        frame::headers(&mut out, stream, &[0x88], ends, 100);
        out
    }

    fn data(stream: u32, bytes: &[u8], flags: u8) -> Vec<u8> {
        let mut out = Vec::new();
        frame::head(&mut out, bytes.len(), kind::DATA, flags, stream);
        out.extend_from_slice(bytes);
        out
    }

    fn reset(stream: u32, code: Code) -> Vec<u8> {
        let mut out = Vec::new();
        frame::number(&mut out, kind::RST_STREAM, stream, code as u32);
        out
    }

    #[test]
    fn an_answer_with_trailers() {
        let mut machine = begun();
        let answer = [head(1, false), data(1, b"abc", 0), head(1, true)].concat();
        answer.iter().for_each(|byte| machine.receive(&[*byte]));
        let mut events = Vec::new();
        while let Some(event) = machine.event() {
            events.push(event);
        }
        assert!(matches!(events.first(), Some(Event::Answer { fields }) if fields.len() == 1), "{events:?}");
        assert!(events.iter().any(|event| matches!(event, Event::Trailers { .. })), "{events:?}");
        let mut body = [0; 9];
        assert_eq!((machine.read(1, &mut body), &body[..3]), (Some(3), &b"abc"[..]));
        assert_eq!(machine.read(1, &mut body), Some(0));
        assert!(!machine.is_done(1), "the request has not ended");
        machine.end(1);
        assert!(machine.is_done(1) && !machine.is_spent());
        machine.release(1);
        assert_eq!(machine.request(&[0x82], true), Some(3));
    }

    #[test]
    fn interim_heads_are_passed_over() {
        let mut machine = begun();
        let mut interim = Vec::new();
        frame::headers(&mut interim, 1, &[0x08, 0x03, b'1', b'0', b'3'], false, 100);
        machine.receive(&[interim, head(1, true)].concat());
        assert!(matches!(machine.event(), Some(Event::Interim { fields }) if fields[0].1 == b"103"));
        assert!(matches!(machine.event(), Some(Event::Answer { fields }) if fields[0].1 == b"200"));
    }

    #[test]
    fn ends_of_all_kinds() {
        let mut interim = Vec::new();
        frame::headers(&mut interim, 1, &[0x08, 0x03, b'1', b'0', b'3'], true, 100);
        for (frames, why) in [
            (interim, Some(Ended::Faulty(Code::Protocol))),
            (reset(1, Code::Internal), Some(Ended::Rejected(2))),
            ([head(1, true), reset(1, Code::NoError)].concat(), None),
            ([head(1, true), reset(1, Code::NoError), reset(1, Code::NoError)].concat(), Some(Ended::Rejected(0))),
            (data(1, b"x", 0), Some(Ended::Faulty(Code::Protocol))),
            (head(3, true), Some(Ended::Faulty(Code::Protocol))),
            ([head(1, false), head(1, false)].concat(), Some(Ended::Faulty(Code::Protocol))),
        ] {
            let mut machine = begun();
            machine.receive(&frames);
            assert_eq!(machine.why(), why, "{frames:?}");
            assert_eq!(machine.is_reset(1), why.is_some(), "{frames:?}");
        }
    }

    #[test]
    fn a_goodbye_lets_older_streams_end() {
        for (last, why) in [(0, Some(Ended::SentAway(0))), (1, None)] {
            let mut machine = begun();
            let mut out = Vec::new();
            frame::goaway(&mut out, last, Code::NoError);
            machine.receive(&out);
            assert_eq!(machine.why(), why);
            assert!(machine.is_spent());
        }
    }

    #[test]
    fn a_closed_connection_spoils_only_what_had_not_come() {
        for (ends, why) in [(true, false), (false, true)] {
            let mut machine = begun();
            machine.receive(&head(1, ends));
            machine.abandon();
            assert_eq!(machine.is_reset(1), why);
            assert!(machine.is_spent());
        }
    }
}
