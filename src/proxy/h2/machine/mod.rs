//! One HTTP/2 connection, at either end of it: bytes come in, events and bytes go out. Knows no socket and no clock. Pure.

mod answered;
mod client;
mod incoming;
mod leaving;
mod outgoing;
mod priorities;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use super::frame::{self, Code, HEAD, Head, PREFACE, flag, kind};
use super::hpack::{Decoder, Fault, Field, Most};
use crate::proxy::flood::Flood;
use incoming::check_begun;
use priorities::Priorities;

/// The window that every stream and connection begins with.
const WINDOW: i64 = 65_535;
/// The largest window there is.
const LARGEST: i64 = 0x7fff_ffff;
/// The most bytes of a frame, where nothing else has been agreed on.
pub const USUAL: usize = 16_384;
/// A frame that is not data may have so many bytes, if larger ones than usual have been agreed on.
const WHOLE: usize = 64 * 1024;
/// Streams that we have broken off and still know: what comes for them was sent before the peer knew.
const BROKEN: usize = 128;

/// Which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Requests come.
    Server,
    /// Requests are made, one at a time.
    Client,
}

/// Why a server gives no (further) answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The connection has ended.
    Closed,
    /// It has broken the stream off.
    Rejected(u32),
    /// It takes no request of this number any more.
    SentAway(u32),
    /// What it sends is not HTTP/2.
    Faulty(Code),
}

/// What the configuration allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Streams at a time: `http2_max_concurrent_streams`.
    pub streams: usize,
    /// Bytes of a body that may come unasked: `http2_body_preread_size`.
    pub preread: u32,
    /// Bytes of a header block, packed and unpacked.
    pub block: usize,
    /// Bytes of a name or a value in it.
    pub field: usize,
    /// Bytes of a frame; the peer is told.
    pub frame: usize,
}

/// What has happened.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// A request has begun.
    Request {
        /// Its stream.
        stream: u32,
        /// Its fields.
        fields: Vec<Field>,
        /// Bytes of the block that they came in.
        size: usize,
        /// No body follows.
        ends: bool,
    },
    /// The head of an answer.
    Answer {
        /// Its fields.
        fields: Vec<Field>,
    },
    /// An answer with 1xx, before the one that counts.
    Interim {
        /// Its fields.
        fields: Vec<Field>,
    },
    /// What follows an answer's body.
    Trailers {
        /// Its fields.
        fields: Vec<Field>,
    },
    /// A stream may be read: data, its end, or a reset.
    Readable(u32),
    /// A stream may be written.
    Writable(u32),
    /// All may be.
    AllWritable,
}

/// A stream.
#[derive(Debug)]
struct Stream {
    /// What may be sent.
    window: i64,
    /// What may be received.
    room: i64,
    /// Data that has come.
    input: Vec<u8>,
    received: u64,
    /// What `content-length` promises.
    expected: Option<u64>,
    /// The client has said all.
    ended_in: bool,
    /// All has been said to the client.
    ended_out: bool,
    /// The head of the answer has come; of requests it always has.
    headed: bool,
    /// It has been broken off without a fault after its end.
    dismissed: bool,
    /// Either side has broken it off.
    reset: bool,
    /// The peer has.
    abandoned: bool,
    /// The request cannot be one: the stream is broken off after its answer.
    malformed: bool,
    /// Its body is not as long as promised.
    faulty: bool,
    /// Nobody reads it any more, but the client has not said all.
    answered: bool,
    /// Where its last frame of data begins in what is not flushed yet.
    last_data: Option<usize>,
}

impl Stream {
    fn new(window: i64, room: u32) -> Stream {
        Stream {
            window,
            room: i64::from(room),
            input: Vec::new(),
            received: 0,
            expected: None,
            ended_in: false,
            ended_out: false,
            headed: true,
            dismissed: false,
            reset: false,
            abandoned: false,
            malformed: false,
            faulty: false,
            answered: false,
            last_data: None,
        }
    }
}

/// A frame of data that has not come whole.
#[derive(Clone, Copy, Debug)]
struct Partial {
    stream: u32,
    left: usize,
    padding: usize,
    ends: bool,
}

/// A header block that goes on in further frames.
#[derive(Debug)]
struct Block {
    stream: u32,
    bytes: Vec<u8>,
    ends: bool,
}

/// The connection.
#[derive(Debug)]
pub struct Machine {
    role: Role,
    limits: Limits,
    streams: HashMap<u32, Stream>,
    broken: VecDeque<u32>,
    /// How many of the streams are answered.
    answered: usize,
    priorities: Priorities,
    events: VecDeque<Event>,
    /// Bytes for the client.
    pub out: Vec<u8>,
    input: Vec<u8>,
    greeted: bool,
    data: Option<Partial>,
    block: Option<Block>,
    decoder: Decoder,
    window: i64,
    room: i64,
    initial: i64,
    most: usize,
    last: u32,
    /// The peer has taken our settings.
    settled: bool,
    /// The head that is coming comes too late.
    late: bool,
    /// The client has been told that the end is near.
    announced: bool,
    /// Nothing new is taken any more.
    leaving: bool,
    /// It is over: what is in `out` is the last.
    pub over: bool,
    /// Why the server gives no answer.
    why: Option<Ended>,
    /// What the peer has sent too much of.
    pub flood: Option<Flood>,
    frames: u64,
    payload: u64,
    requests: u64,
    resets: u64,
}

/// Why the connection ends.
type Outcome = Result<(), Code>;

impl Machine {
    /// A connection that has just begun.
    pub fn new(limits: Limits) -> Machine {
        let mut out = Vec::new();
        let streams = u32::try_from(limits.streams).unwrap_or(u32::MAX);
        let mut settings = vec![(3, streams), (4, limits.preread)];
        if limits.frame > USUAL {
            settings.push((5, u32::try_from(limits.frame).unwrap_or(u32::MAX)));
        }
        frame::settings(&mut out, &settings);
        frame::number(&mut out, kind::WINDOW_UPDATE, 0, (LARGEST - WINDOW) as u32);
        Machine::begin(Role::Server, limits, out)
    }

    fn begin(role: Role, limits: Limits, out: Vec<u8>) -> Machine {
        Machine {
            role,
            limits,
            streams: HashMap::new(),
            broken: VecDeque::new(),
            answered: 0,
            priorities: Priorities::default(),
            events: VecDeque::new(),
            out,
            input: Vec::new(),
            greeted: role == Role::Client,
            data: None,
            block: None,
            decoder: match role {
                Role::Server => Decoder::default(),
                Role::Client => Decoder::of_server(),
            },
            window: WINDOW,
            room: LARGEST,
            initial: WINDOW,
            most: 16_384,
            last: 0,
            settled: false,
            late: false,
            announced: false,
            leaving: false,
            over: false,
            why: None,
            flood: None,
            frames: 0,
            payload: 0,
            requests: 0,
            resets: 0,
        }
    }

    /// What has happened next.
    pub fn event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Streams whose requests are being served.
    pub fn open(&self) -> usize {
        self.streams.len().saturating_sub(self.answered)
    }

    /// Takes bytes that have come.
    pub fn receive(&mut self, bytes: &[u8]) {
        if self.over {
            return;
        }
        let mut input = std::mem::take(&mut self.input);
        input.extend_from_slice(bytes);
        let mut rest = input.as_slice();
        let done = self.frames(&mut rest);
        let used = input.len() - rest.len();
        input.drain(..used);
        self.input = input;
        if let Err(code) = done {
            self.fail(code);
        }
    }

    /// Ends the connection for a fault of the client.
    fn fail(&mut self, code: Code) {
        let last = if self.role == Role::Server { self.last } else { 0 };
        frame::goaway(&mut self.out, last, code);
        self.why.get_or_insert(Ended::Faulty(code));
        self.abandon();
    }

    /// The peer has gone: so have all streams.
    pub fn abandon(&mut self) {
        self.over = true;
        self.why.get_or_insert(Ended::Closed);
        for (&id, stream) in &mut self.streams {
            // An answer that has come whole stays one.
            stream.reset |= self.role == Role::Server || !(stream.headed && stream.ended_in);
            self.events.push_back(Event::Readable(id));
            self.events.push_back(Event::Writable(id));
        }
    }

    /// Whether a head has begun to come; it is refused when it has come, as one that is too late.
    pub fn give_up_head(&mut self) -> bool {
        let coming = self.block.is_some() || Head::read(&self.input).is_some_and(|head| head.kind == kind::HEADERS);
        let first = coming && !self.late;
        self.late |= coming;
        first
    }

    fn frames(&mut self, rest: &mut &[u8]) -> Outcome {
        if !self.greeted {
            let Some(greeting) = rest.get(..PREFACE.len()) else {
                return if PREFACE.starts_with(rest) { Ok(()) } else { Err(Code::Protocol) };
            };
            if greeting != PREFACE {
                return Err(Code::Protocol);
            }
            *rest = rest.get(PREFACE.len()..).unwrap_or_default();
            self.greeted = true;
        }
        loop {
            if self.data.is_some() {
                if rest.is_empty() {
                    return Ok(());
                }
                self.take_data(rest);
                continue;
            }
            let Some(head) = Head::read(rest) else { return Ok(()) };
            self.check_head(head)?;
            if head.kind == kind::DATA {
                match self.begin_data(head, rest)? {
                    true => continue,
                    false => return Ok(()),
                }
            }
            check_begun(head, rest)?;
            let Some(payload) = rest.get(HEAD..HEAD + head.len) else { return Ok(()) };
            *rest = rest.get(HEAD + head.len..).unwrap_or_default();
            self.frame(head, payload)?;
        }
    }

    /// What can be said of a frame before it has come.
    fn check_head(&mut self, head: Head) -> Outcome {
        if let Some(block) = &self.block
            && (head.kind != kind::CONTINUATION || head.stream != block.stream)
        {
            return Err(Code::Protocol);
        }
        // All but data must have come whole.
        let whole = self.limits.frame.min(self.limits.field.max(WHOLE));
        let wrong_size = match head.kind {
            kind::SETTINGS => !head.len.is_multiple_of(6) || head.len > 6 * 64,
            kind::PING => head.len != 8,
            kind::GOAWAY => head.len < 8 || head.len > whole,
            kind::DATA => head.len > self.limits.frame,
            kind::RST_STREAM | kind::WINDOW_UPDATE => head.len != 4,
            kind::PRIORITY => head.len != 5,
            _ => head.len > whole,
        };
        if wrong_size {
            return Err(Code::FrameSize);
        }
        let of_connection = matches!(head.kind, kind::SETTINGS | kind::PING | kind::GOAWAY);
        let of_stream = matches!(
            head.kind,
            kind::DATA | kind::HEADERS | kind::PRIORITY | kind::RST_STREAM | kind::CONTINUATION | kind::PUSH_PROMISE
        );
        if head.kind == kind::PUSH_PROMISE || (of_connection && head.stream != 0) || (of_stream && head.stream == 0) {
            return Err(Code::Protocol);
        }
        Ok(())
    }

    /// Notes what there is too much of, and how the connection ends for it.
    fn flooded(&mut self, flood: Flood) -> Code {
        self.flood = Some(flood);
        Code::EnhanceYourCalm
    }

    /// Counts a frame: whoever sends little else than frames without a use is sent away.
    fn count(&mut self) -> Outcome {
        self.frames += 1;
        if self.frames > 20_000 + self.payload / 16 + self.requests * 32 {
            return Err(self.flooded(Flood::Frames));
        }
        Ok(())
    }

    fn frame(&mut self, head: Head, payload: &[u8]) -> Outcome {
        self.count()?;
        match head.kind {
            kind::HEADERS => self.headers(head, payload),
            kind::CONTINUATION => self.continuation(head, payload),
            kind::SETTINGS => self.settings(head, payload),
            kind::WINDOW_UPDATE => self.window_update(head, payload),
            kind::RST_STREAM => self.was_reset(head, payload),
            kind::PING if !head.has(flag::ACK) => {
                frame::head(&mut self.out, 8, kind::PING, flag::ACK, 0);
                self.out.extend_from_slice(payload);
                Ok(())
            }
            kind::PING => {
                self.knows(payload);
                Ok(())
            }
            kind::PRIORITY if self.role == Role::Server => self.prioritize(head.stream, payload),
            kind::GOAWAY if self.role == Role::Client => self.sent_away(payload),
            // A client's GOAWAY asks for nothing; unknown kinds are for others.
            _ => Ok(()),
        }
    }
}
