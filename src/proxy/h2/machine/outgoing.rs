//! What whoever answers a stream asks of the connection, and says on it.

use super::*;

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
        // A server's clients get back at once what they have used; servers have room enough for a while.
        let told = stream.room + n as i64;
        let enough = self.role == Role::Client && told > LARGEST / 4;
        if !stream.ended_in && !stream.reset && !enough {
            let most = if self.role == Role::Client { LARGEST } else { told };
            frame::number(&mut self.out, kind::WINDOW_UPDATE, id, (most - stream.room) as u32);
            stream.room = most;
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
