//! What whoever answers a stream asks of the connection, and says on it.

use super::*;

/// What may come of a body that is being read, before that is taken.
const READING: i64 = 128 * 1024;

impl Stream {
    /// The body is not what its head has promised: whoever reads it hears so.
    pub(super) fn blame_body(&mut self) {
        (self.faulty, self.malformed) = (true, true);
        self.input = Vec::new();
    }
}

impl Machine {
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
        self.say_reset(id, code);
        self.forget_answered(id);
    }

    /// Tells the peer that a stream is over, and remembers it.
    pub(super) fn say_reset(&mut self, id: u32, code: Code) {
        frame::number(&mut self.out, kind::RST_STREAM, id, code as u32);
        if self.broken.len() >= BROKEN {
            self.broken.pop_front();
        }
        self.broken.push_back(id);
    }

    /// The request of a stream cannot be one: it is answered, and then the stream is broken off.
    pub fn blame(&mut self, id: u32) {
        self.streams.get_mut(&id).into_iter().for_each(|stream| stream.malformed = true);
    }

    /// Which of two streams is to be served first: its rank, and its share among those of the same.
    pub fn priority(&self, id: u32) -> (usize, std::cmp::Reverse<u64>) {
        self.priorities.of(id)
    }

    /// Takes data of a body; none is what a wait is for, `Some(0)` is the end.
    pub fn read(&mut self, id: u32, buffer: &mut [u8]) -> Option<usize> {
        let stream = self.streams.get_mut(&id)?;
        let n = stream.input.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), stream.input.get(..n)) {
            to.copy_from_slice(from);
        }
        stream.input.drain(..n);
        // Whose body is read may send more of it unasked, and is told of room in large pieces.
        let most = if self.role == Role::Client { LARGEST } else { READING.max(2 * i64::from(self.limits.preread)) };
        let more = most - stream.room - stream.input.len() as i64;
        if !stream.ended_in && !stream.reset && !stream.faulty && more > most / 2 {
            frame::number(&mut self.out, kind::WINDOW_UPDATE, id, more as u32);
            stream.room += more;
        }
        (n > 0 || stream.ended_in).then_some(n)
    }

    /// Whether a body is not as long as its head has promised.
    pub fn is_faulty(&self, id: u32) -> bool {
        self.streams.get(&id).is_some_and(|stream| stream.faulty)
    }

    /// Whether there is something to read, or never will be.
    pub fn is_readable(&self, id: u32) -> bool {
        self.streams
            .get(&id)
            .is_none_or(|stream| stream.reset || stream.faulty || stream.ended_in || !stream.input.is_empty())
    }

    /// Whether the client has said all.
    pub fn has_ended(&self, id: u32) -> bool {
        self.streams.get(&id).is_none_or(|stream| stream.ended_in || stream.faulty)
    }

    /// Whether a request has come whole without a body.
    pub fn is_bodyless(&self, id: u32) -> bool {
        self.streams.get(&id).is_none_or(|stream| stream.ended_in && stream.input.is_empty() && !stream.faulty)
    }

    /// Whether a stream has been broken off.
    pub fn is_reset(&self, id: u32) -> bool {
        let gone = self.over && self.role == Role::Server;
        gone || self.streams.get(&id).is_none_or(|stream| stream.reset)
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

    /// Says that an answer or a request is whole: on its last frame if that is still here.
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
        if self.await_rest(id) {
            return;
        }
        let Some(stream) = self.streams.remove(&id) else { return };
        if stream.reset || self.over {
            return;
        }
        match (stream.ended_out, stream.ended_in) {
            (false, _) => self.say_reset(id, Code::Internal),
            (true, _) if stream.malformed => self.say_reset(id, Code::Protocol),
            (true, false) => self.say_reset(id, Code::NoError),
            (true, true) => {}
        }
    }
}
