//! Streams whose answers have ended before their requests. RFC 9113 (8.1) lets a server break such a stream off without an
//! error; a client that is just about to end it, or to make a mistake on it, is let do so first.

use super::{Code, Machine, Role};

impl Machine {
    /// Keeps a stream whose request is over for what the client has still to say; says whether it does.
    pub(super) fn await_rest(&mut self, id: u32) -> bool {
        if self.role == Role::Client || self.over || self.leaving {
            return false;
        }
        let Some(stream) = self.streams.get_mut(&id) else { return false };
        stream.answered = stream.ended_out && !stream.ended_in && !stream.reset && !stream.malformed;
        if stream.answered {
            stream.input = Vec::new();
            self.answered += 1;
        }
        stream.answered
    }

    /// Whether a stream waits for its request's end.
    pub fn has_answered(&self) -> bool {
        self.answered > 0
    }

    /// The client has said more on a stream: an answered one is over with its request.
    pub(super) fn judge_rest(&mut self, id: u32) {
        let Some(stream) = self.streams.get(&id).filter(|stream| stream.answered) else { return };
        let (faulty, ended) = (stream.faulty, stream.ended_in);
        if faulty {
            self.say_reset(id, Code::Protocol);
        }
        if faulty || ended {
            self.forget_answered(id);
        }
    }

    /// Either side has broken a stream off: nothing more comes of an answered one.
    pub(super) fn forget_answered(&mut self, id: u32) {
        if self.streams.get(&id).is_some_and(|stream| stream.answered) {
            self.streams.remove(&id);
            self.answered -= 1;
        }
    }

    /// Tells the client of all answered streams that nobody reads them.
    pub fn dismiss(&mut self) {
        if self.answered == 0 {
            return;
        }
        let mut answered: Vec<u32> =
            self.streams.iter().filter(|(_, stream)| stream.answered).map(|(id, _)| *id).collect();
        answered.sort_unstable();
        for id in answered {
            self.say_reset(id, Code::NoError);
            self.forget_answered(id);
        }
    }
}
