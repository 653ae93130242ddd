//! One HTTP/2 connection as a server sees it: bytes come in, events and bytes go out. Knows no socket and no clock. Pure.

use std::collections::{HashMap, VecDeque};

use super::frame::{self, Code, HEAD, Head, PREFACE, flag, kind};
use super::hpack::{Decoder, Fault, Field};

/// The window that every stream and connection begins with.
const WINDOW: i64 = 65_535;
/// The largest window there is.
const LARGEST: i64 = 0x7fff_ffff;
/// A header block in one frame may have so many bytes; with what follows it, [`Limits::block`] bounds it.
const FRAME: usize = 64 * 1024;

/// What the configuration allows.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Streams at a time: `http2_max_concurrent_streams`.
    pub streams: usize,
    /// Bytes of a body that may come unasked: `http2_body_preread_size`.
    pub preread: u32,
    /// Bytes of a header block, packed and unpacked.
    pub block: usize,
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
    /// Either side has broken it off.
    reset: bool,
    /// Where its last frame of data begins in what is not flushed yet.
    last_data: Option<usize>,
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
    depends_on_itself: bool,
}

/// The connection.
#[derive(Debug)]
pub struct Machine {
    limits: Limits,
    streams: HashMap<u32, Stream>,
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
    /// Nothing new is taken any more.
    leaving: bool,
    /// It is over: what is in `out` is the last.
    pub over: bool,
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
        frame::settings(&mut out, &[(3, streams), (4, limits.preread), (5, 0x00ff_ffff)]);
        frame::number(&mut out, kind::WINDOW_UPDATE, 0, (LARGEST - WINDOW) as u32);
        Machine {
            limits,
            streams: HashMap::new(),
            events: VecDeque::new(),
            out,
            input: Vec::new(),
            greeted: false,
            data: None,
            block: None,
            decoder: Decoder::default(),
            window: WINDOW,
            room: LARGEST,
            initial: WINDOW,
            most: 16_384,
            last: 0,
            leaving: false,
            over: false,
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

    /// Streams that are open.
    pub fn open(&self) -> usize {
        self.streams.len()
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
        frame::goaway(&mut self.out, self.last, code);
        self.over = true;
        self.abandon();
    }

    /// The client has gone: so have all streams.
    pub fn abandon(&mut self) {
        self.over = true;
        for (&id, stream) in &mut self.streams {
            stream.reset = true;
            self.events.push_back(Event::Readable(id));
            self.events.push_back(Event::Writable(id));
        }
    }

    /// Takes no new streams; those that are open go on.
    pub fn leave(&mut self) {
        if !self.leaving {
            self.leaving = true;
            frame::goaway(&mut self.out, self.last, Code::NoError);
        }
    }

    /// Whether no more requests are taken and none is left.
    pub fn has_left(&self) -> bool {
        self.over || (self.leaving && self.streams.is_empty())
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
        let wrong_size = match head.kind {
            kind::SETTINGS => !head.len.is_multiple_of(6) || head.len > 6 * 64,
            kind::PING => head.len != 8,
            kind::GOAWAY => head.len < 8 || head.len > FRAME,
            kind::RST_STREAM | kind::WINDOW_UPDATE => head.len != 4,
            kind::PRIORITY => head.len != 5,
            kind::DATA => false,
            _ => head.len > FRAME,
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

    /// Counts a frame: whoever sends little else than frames without a use is sent away.
    fn count(&mut self) -> Outcome {
        self.frames += 1;
        if self.frames > 20_000 + self.payload / 16 + self.requests * 32 {
            return Err(Code::EnhanceYourCalm);
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
            kind::RST_STREAM => self.was_reset(head),
            kind::PING if !head.has(flag::ACK) => {
                frame::head(&mut self.out, 8, kind::PING, flag::ACK, 0);
                self.out.extend_from_slice(payload);
                Ok(())
            }
            kind::PRIORITY => self.priority(head, payload),
            // GOAWAY asks for nothing; unknown kinds are for others.
            _ => Ok(()),
        }
    }

    fn priority(&mut self, head: Head, payload: &[u8]) -> Outcome {
        if depends_on(payload) == Some(head.stream) {
            self.break_off(head.stream, Code::Protocol);
        }
        Ok(())
    }

    /// Begins a frame of data; false when more of it must come first.
    fn begin_data(&mut self, head: Head, rest: &mut &[u8]) -> Result<bool, Code> {
        let padded = usize::from(head.has(flag::PADDED));
        if padded > head.len {
            return Err(Code::FrameSize);
        }
        let Some(&padding) = rest.get(HEAD).filter(|_| padded == 1).or(Some(&0).filter(|_| padded == 0)) else {
            return Ok(false);
        };
        let padding = usize::from(padding);
        let Some(left) = (head.len - padded).checked_sub(padding) else { return Err(Code::Protocol) };
        self.count()?;
        self.payload += left as u64;
        if head.stream > self.last {
            return Err(Code::Protocol);
        }
        let size = head.len as i64;
        if size > self.room {
            return Err(Code::FlowControl);
        }
        self.room -= size;
        self.refill();
        *rest = rest.get(HEAD + padded..).unwrap_or_default();
        let stream = self.streams.get_mut(&head.stream);
        let fault = match stream {
            Some(stream) if stream.reset => None,
            Some(stream) if stream.ended_in => Some(Code::StreamClosed),
            Some(stream) if size > stream.room => Some(Code::FlowControl),
            Some(stream) => {
                // Padding is used up by coming.
                let useful = left as i64;
                stream.room -= useful;
                if size > useful {
                    frame::number(&mut self.out, kind::WINDOW_UPDATE, head.stream, (size - useful) as u32);
                }
                None
            }
            None => None,
        };
        if let Some(code) = fault {
            self.break_off(head.stream, code);
        }
        self.data = Some(Partial { stream: head.stream, left, padding, ends: head.has(flag::END_STREAM) });
        if head.len == padded {
            self.take_data(&mut &[][..]);
        }
        Ok(true)
    }

    /// Tells the client that the connection has room again.
    fn refill(&mut self) {
        if self.room < LARGEST / 4 {
            frame::number(&mut self.out, kind::WINDOW_UPDATE, 0, (LARGEST - self.room) as u32);
            self.room = LARGEST;
        }
    }

    fn take_data(&mut self, rest: &mut &[u8]) {
        let Some(mut partial) = self.data.take() else { return };
        let (data, after) = rest.split_at(partial.left.min(rest.len()));
        partial.left -= data.len();
        let (padding, after) = after.split_at(if partial.left == 0 { partial.padding.min(after.len()) } else { 0 });
        partial.padding -= padding.len();
        *rest = after;
        let whole = partial.left == 0 && partial.padding == 0;
        let mut fault = false;
        if let Some(stream) = self.streams.get_mut(&partial.stream)
            && !stream.reset
        {
            stream.input.extend_from_slice(data);
            stream.received += data.len() as u64;
            stream.ended_in |= whole && partial.ends;
            let promised = |length| if stream.ended_in { stream.received != length } else { stream.received > length };
            fault = stream.expected.is_some_and(promised);
            if !data.is_empty() || stream.ended_in {
                self.events.push_back(Event::Readable(partial.stream));
            }
        }
        if fault {
            self.break_off(partial.stream, Code::Protocol);
        }
        if !whole {
            self.data = Some(partial);
        }
    }

    fn headers(&mut self, head: Head, payload: &[u8]) -> Outcome {
        let mut payload = frame::unpadded(head, payload).ok_or(Code::Protocol)?;
        let mut depends_on_itself = false;
        if head.has(flag::PRIORITY) {
            depends_on_itself = depends_on(payload) == Some(head.stream);
            payload = payload.get(5..).ok_or(Code::FrameSize)?;
        }
        let known = self.streams.get(&head.stream);
        if known.is_none() && (head.stream.is_multiple_of(2) || head.stream <= self.last) {
            return Err(Code::Protocol);
        }
        if known.is_some_and(|stream| stream.ended_in && !stream.reset) {
            return Err(Code::StreamClosed);
        }
        // What comes after a body ends it.
        if known.is_some() && !head.has(flag::END_STREAM) {
            return Err(Code::Protocol);
        }
        self.last = self.last.max(head.stream);
        let ends = head.has(flag::END_STREAM);
        let block = Block { stream: head.stream, bytes: payload.to_vec(), ends, depends_on_itself };
        if head.has(flag::END_HEADERS) {
            return self.whole_block(block);
        }
        self.block = Some(block);
        Ok(())
    }

    fn continuation(&mut self, head: Head, payload: &[u8]) -> Outcome {
        let Some(mut block) = self.block.take() else { return Err(Code::Protocol) };
        block.bytes.extend_from_slice(payload);
        if block.bytes.len() > self.limits.block {
            return Err(Code::EnhanceYourCalm);
        }
        if head.has(flag::END_HEADERS) {
            return self.whole_block(block);
        }
        self.block = Some(block);
        Ok(())
    }

    fn whole_block(&mut self, block: Block) -> Outcome {
        let fields = self.decoder.decode(&block.bytes, self.limits.block).map_err(|fault| match fault {
            Fault::Malformed => Code::Compression,
            Fault::TooLarge => Code::EnhanceYourCalm,
        })?;
        if let Some(stream) = self.streams.get_mut(&block.stream) {
            stream.ended_in = true;
            let short = stream.expected.is_some_and(|length| stream.received != length);
            if short {
                self.break_off(block.stream, Code::Protocol);
            }
            self.events.push_back(Event::Readable(block.stream));
            return Ok(());
        }
        self.requests += 1;
        if self.leaving || self.streams.len() >= self.limits.streams {
            frame::number(&mut self.out, kind::RST_STREAM, block.stream, Code::RefusedStream as u32);
            self.resets += 1;
            return self.calm();
        }
        if block.depends_on_itself {
            frame::number(&mut self.out, kind::RST_STREAM, block.stream, Code::Protocol as u32);
            return Ok(());
        }
        let length = fields.iter().find(|(name, _)| name == b"content-length").map(|(_, value)| value);
        let expected = length.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        if block.ends && expected.is_some_and(|length: u64| length > 0) {
            frame::number(&mut self.out, kind::RST_STREAM, block.stream, Code::Protocol as u32);
            return Ok(());
        }
        let stream = Stream {
            window: self.initial,
            room: i64::from(self.limits.preread),
            input: Vec::new(),
            received: 0,
            expected,
            ended_in: block.ends,
            ended_out: false,
            reset: false,
            last_data: None,
        };
        self.streams.insert(block.stream, stream);
        self.events.push_back(Event::Request { stream: block.stream, fields });
        Ok(())
    }

    fn settings(&mut self, head: Head, payload: &[u8]) -> Outcome {
        if head.has(flag::ACK) {
            return if payload.is_empty() { Ok(()) } else { Err(Code::FrameSize) };
        }
        let before = self.initial;
        for setting in payload.chunks_exact(6) {
            let &[a, b, c, d, e, f] = setting else { continue };
            let value = u32::from_be_bytes([c, d, e, f]);
            match u16::from_be_bytes([a, b]) {
                2 if value > 1 => return Err(Code::Protocol),
                4 if i64::from(value) > LARGEST => return Err(Code::FlowControl),
                4 => self.initial = i64::from(value),
                5 if !(16_384..=0x00ff_ffff).contains(&value) => return Err(Code::Protocol),
                5 => self.most = value as usize,
                _ => {}
            }
        }
        for stream in self.streams.values_mut() {
            stream.window += self.initial - before;
            if stream.window > LARGEST {
                return Err(Code::FlowControl);
            }
        }
        frame::head(&mut self.out, 0, kind::SETTINGS, flag::ACK, 0);
        self.events.push_back(Event::AllWritable);
        Ok(())
    }

    fn window_update(&mut self, head: Head, payload: &[u8]) -> Outcome {
        let more = payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff);
        let more = i64::from(more);
        if head.stream == 0 {
            if more == 0 {
                return Err(Code::Protocol);
            }
            if self.window + more > LARGEST {
                return Err(Code::FlowControl);
            }
            self.window += more;
            self.events.push_back(Event::AllWritable);
            return Ok(());
        }
        if head.stream > self.last {
            return Err(Code::Protocol);
        }
        let Some(stream) = self.streams.get_mut(&head.stream) else { return Ok(()) };
        if more == 0 {
            self.break_off(head.stream, Code::Protocol);
        } else if stream.window + more > LARGEST {
            self.break_off(head.stream, Code::FlowControl);
        } else {
            stream.window += more;
            self.events.push_back(Event::Writable(head.stream));
        }
        Ok(())
    }

    fn was_reset(&mut self, head: Head) -> Outcome {
        if head.stream > self.last {
            return Err(Code::Protocol);
        }
        let Some(stream) = self.streams.get_mut(&head.stream) else { return Ok(()) };
        stream.reset = true;
        self.events.push_back(Event::Readable(head.stream));
        self.events.push_back(Event::Writable(head.stream));
        self.resets += 1;
        self.calm()
    }

    /// Whoever begins requests mostly to break them off is sent away.
    fn calm(&self) -> Outcome {
        if self.resets > 200 && self.resets * 2 > self.requests { Err(Code::EnhanceYourCalm) } else { Ok(()) }
    }

    /// Breaks a stream off.
    pub fn break_off(&mut self, id: u32, code: Code) {
        if let Some(stream) = self.streams.get_mut(&id) {
            if stream.reset {
                return;
            }
            stream.reset = true;
            self.events.push_back(Event::Readable(id));
            self.events.push_back(Event::Writable(id));
        }
        frame::number(&mut self.out, kind::RST_STREAM, id, code as u32);
    }

    /// Takes data of a body; none is what a wait is for, `Some(0)` is the end.
    pub fn read(&mut self, id: u32, buffer: &mut [u8]) -> Option<usize> {
        let stream = self.streams.get_mut(&id)?;
        if stream.input.is_empty() {
            return stream.ended_in.then_some(0);
        }
        let n = stream.input.len().min(buffer.len());
        buffer.iter_mut().zip(stream.input.drain(..n)).for_each(|(to, from)| *to = from);
        if !stream.ended_in && !stream.reset {
            stream.room += n as i64;
            frame::number(&mut self.out, kind::WINDOW_UPDATE, id, n as u32);
        }
        Some(n)
    }

    /// Whether there is something to read, or never will be.
    pub fn is_readable(&self, id: u32) -> bool {
        self.streams.get(&id).is_none_or(|stream| stream.reset || stream.ended_in || !stream.input.is_empty())
    }

    /// Whether the client has said all.
    pub fn has_ended(&self, id: u32) -> bool {
        self.streams.get(&id).is_none_or(|stream| stream.ended_in)
    }

    /// Whether a request has come whole without a body.
    pub fn is_bodyless(&self, id: u32) -> bool {
        self.streams.get(&id).is_none_or(|stream| stream.ended_in && stream.input.is_empty())
    }

    /// Whether a stream has been broken off.
    pub fn is_reset(&self, id: u32) -> bool {
        self.over || self.streams.get(&id).is_none_or(|stream| stream.reset)
    }

    /// Sends the fields of an answer, or those after it.
    pub fn send_fields(&mut self, id: u32, block: &[u8], ends: bool) {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.reset && !stream.ended_out) else {
            return;
        };
        stream.ended_out = ends;
        frame::headers(&mut self.out, id, block, ends, self.most);
    }

    /// Sends of some data what the windows allow, in frames of at most `chunk` bytes; says how much.
    pub fn send(&mut self, id: u32, mut data: &[u8], chunk: usize) -> usize {
        let before = data.len();
        let Some(stream) = self.streams.get_mut(&id) else { return 0 };
        let most = chunk.min(self.most).max(1);
        while !data.is_empty() {
            let window = usize::try_from(self.window.min(stream.window)).unwrap_or(0);
            let n = data.len().min(window).min(most);
            if n == 0 {
                break;
            }
            let (now, later) = data.split_at(n);
            stream.last_data = Some(self.out.len());
            frame::head(&mut self.out, n, kind::DATA, 0, id);
            self.out.extend_from_slice(now);
            stream.window -= n as i64;
            self.window -= n as i64;
            data = later;
        }
        before - data.len()
    }

    /// Whether some data could be sent.
    pub fn is_writable(&self, id: u32) -> bool {
        self.is_reset(id) || self.streams.get(&id).is_some_and(|stream| self.window.min(stream.window) > 0)
    }

    /// Says that an answer is whole: on its last frame if that is still here.
    pub fn end(&mut self, id: u32) {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.reset && !stream.ended_out) else {
            return;
        };
        stream.ended_out = true;
        match stream.last_data.and_then(|at| self.out.get_mut(at + 4)) {
            Some(flags) => *flags |= flag::END_STREAM,
            None => frame::head(&mut self.out, 0, kind::DATA, flag::END_STREAM, id),
        }
    }

    /// `out` has been taken away.
    pub fn flushed(&mut self) {
        self.streams.values_mut().for_each(|stream| stream.last_data = None);
    }

    /// The request of a stream is over.
    pub fn release(&mut self, id: u32) {
        let Some(stream) = self.streams.remove(&id) else { return };
        if stream.reset || self.over {
            return;
        }
        match (stream.ended_out, stream.ended_in) {
            (false, _) => frame::number(&mut self.out, kind::RST_STREAM, id, Code::Internal as u32),
            (true, false) => frame::number(&mut self.out, kind::RST_STREAM, id, Code::NoError as u32),
            (true, true) => {}
        }
    }
}

/// The stream that another one is said to depend on.
fn depends_on(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { streams: 2, preread: 65_536, block: 32 * 1024 };

    fn greeted() -> Machine {
        let mut machine = Machine::new(LIMITS);
        machine.receive(PREFACE);
        let mut settings = Vec::new();
        frame::settings(&mut settings, &[]);
        machine.receive(&settings);
        machine.out.clear();
        while machine.event().is_some() {}
        machine
    }

    fn request(stream: u32, ends: bool) -> Vec<u8> {
        let mut out = Vec::new();
        frame::headers(&mut out, stream, &[0x82, 0x84, 0x86], ends, 100);
        out
    }

    fn data(stream: u32, bytes: &[u8], flags: u8) -> Vec<u8> {
        let mut out = Vec::new();
        frame::head(&mut out, bytes.len(), kind::DATA, flags, stream);
        out.extend_from_slice(bytes);
        out
    }

    fn kinds(mut out: &[u8]) -> Vec<(u8, u8)> {
        let mut kinds = Vec::new();
        while let Some(head) = Head::read(out) {
            kinds.push((head.kind, head.flags));
            out = &out[HEAD + head.len..];
        }
        kinds
    }

    #[test]
    fn requests_come_in_pieces_of_any_size() {
        let mut machine = greeted();
        for byte in request(1, false).into_iter().chain(data(1, b"abc", flag::END_STREAM)) {
            machine.receive(&[byte]);
        }
        assert!(matches!(machine.event(), Some(Event::Request { stream: 1, fields }) if fields.len() == 3));
        let mut body = [0; 8];
        assert_eq!(machine.read(1, &mut body), Some(3));
        assert_eq!(machine.read(1, &mut body), Some(0));
    }

    #[test]
    fn the_end_stands_on_the_last_frame() {
        let mut machine = greeted();
        machine.receive(&request(1, true));
        machine.send_fields(1, &[0x88], false);
        assert_eq!(machine.send(1, &[0; 10_000], 8192), 10_000);
        machine.end(1);
        assert_eq!(kinds(&machine.out), [(1, 4), (0, 0), (0, 1)]);
        machine.release(1);
        assert_eq!(machine.open(), 0);
    }

    #[test]
    fn windows_hold_back_and_open() {
        let mut machine = greeted();
        machine.receive(&request(1, true));
        assert_eq!(machine.send(1, &[0; 70_000], 8192), 65_535);
        assert!(!machine.is_writable(1));
        let mut update = Vec::new();
        frame::number(&mut update, kind::WINDOW_UPDATE, 0, 10);
        frame::number(&mut update, kind::WINDOW_UPDATE, 1, 7);
        machine.receive(&update);
        assert_eq!(machine.send(1, &[0; 70_000], 8192), 7);
    }

    #[test]
    fn too_many_streams_are_refused() {
        let mut machine = greeted();
        for id in [1, 3, 5] {
            machine.receive(&request(id, true));
        }
        assert_eq!(kinds(&machine.out), [(kind::RST_STREAM, 0)]);
        assert_eq!(machine.open(), 2);
    }

    #[test]
    fn floods_end_the_connection() {
        let mut ping = Vec::new();
        frame::head(&mut ping, 8, kind::PING, 0, 0);
        ping.extend_from_slice(&[0; 8]);
        let mut machine = greeted();
        for _ in 0..30_000 {
            machine.receive(&ping);
        }
        assert!(machine.over);
        let mut machine = greeted();
        for id in (1..2000).step_by(2) {
            machine.receive(&request(id, true));
            let mut reset = Vec::new();
            frame::number(&mut reset, kind::RST_STREAM, id, 8);
            machine.receive(&reset);
            machine.release(id);
        }
        assert!(machine.over, "rapid reset");
    }

    #[test]
    fn a_body_keeps_its_promise() {
        let mut machine = greeted();
        let mut block = vec![0x83, 0x84, 0x86];
        super::super::hpack::encode(&mut block, b"content-length", b"4");
        let mut bytes = Vec::new();
        frame::headers(&mut bytes, 1, &block, false, 100);
        machine.receive(&bytes);
        machine.receive(&data(1, b"abc", flag::END_STREAM));
        assert!(machine.is_reset(1));
        assert_eq!(kinds(&machine.out), [(kind::RST_STREAM, 0)]);
    }
}
