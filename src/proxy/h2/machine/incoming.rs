//! What each kind of frame from the peer does.

use super::priorities::Wish;
use super::*;
use crate::proxy::h2::hpack::is_hopeless;

/// A header block that goes on in further frames may have so many bytes in any case.
const PACKED: usize = 16 * 1024;

/// So much of a frame is looked at before it has come whole: who sends byte by byte must not make it all be read each time.
const BEGUN: usize = 64;

/// What can be said of a frame by its first bytes, be it here whole or in part: what cannot be decoded is not waited for.
pub(super) fn check_begun(head: Head, bytes: &[u8]) -> Outcome {
    // Padding and priorities would come before the fields.
    let fields_first = head.kind == kind::HEADERS && !head.has(flag::PADDED) && !head.has(flag::PRIORITY);
    let begun = bytes.get(HEAD..bytes.len().min(HEAD + head.len.min(BEGUN))).unwrap_or_default();
    match fields_first && is_hopeless(begun) {
        true => Err(Code::Compression),
        false => Ok(()),
    }
}

impl Machine {
    /// Takes in what a stream depends on; that it depends on itself is the end, as nginx has it.
    pub(super) fn prioritize(&mut self, id: u32, payload: &[u8]) -> Outcome {
        let Some(wish) = Wish::read(payload) else { return Ok(()) };
        if wish.parent == id {
            return Err(Code::Protocol);
        }
        let streams = &self.streams;
        self.priorities.set(id, wish, self.limits.streams, |id| streams.contains_key(&id));
        Ok(())
    }

    /// Begins a frame of data; false when more of it must come first.
    pub(super) fn begin_data(&mut self, head: Head, rest: &mut &[u8]) -> Result<bool, Code> {
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
        let early = |stream: &Stream| !stream.headed && !stream.reset;
        if self.streams.get(&head.stream).is_some_and(early) {
            return Err(Code::Protocol);
        }
        self.refill();
        *rest = rest.get(HEAD + padded..).unwrap_or_default();
        let stream = self.streams.get_mut(&head.stream);
        let fault = match stream {
            Some(stream) if stream.abandoned => {
                self.say_reset(head.stream, Code::StreamClosed);
                None
            }
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
            None if self.broken.contains(&head.stream) => None,
            None => Some(Code::StreamClosed),
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
    pub(super) fn refill(&mut self) {
        if self.room < LARGEST / 4 {
            frame::number(&mut self.out, kind::WINDOW_UPDATE, 0, (LARGEST - self.room) as u32);
            self.room = LARGEST;
        }
    }

    pub(super) fn take_data(&mut self, rest: &mut &[u8]) {
        let Some(mut partial) = self.data.take() else { return };
        let (data, after) = rest.split_at(partial.left.min(rest.len()));
        partial.left -= data.len();
        let (padding, after) = after.split_at(if partial.left == 0 { partial.padding.min(after.len()) } else { 0 });
        partial.padding -= padding.len();
        *rest = after;
        let whole = partial.left == 0 && partial.padding == 0;
        if let Some(stream) = self.streams.get_mut(&partial.stream)
            && !stream.reset
            && !stream.faulty
        {
            if !stream.answered {
                stream.input.extend_from_slice(data);
            }
            stream.received += data.len() as u64;
            stream.ended_in |= whole && partial.ends;
            let promised = |length| if stream.ended_in { stream.received != length } else { stream.received > length };
            let fault = stream.expected.is_some_and(promised);
            if fault {
                stream.blame_body();
            }
            if !data.is_empty() || stream.ended_in || fault {
                self.events.push_back(Event::Readable(partial.stream));
            }
            self.judge_rest(partial.stream);
        }
        if !whole {
            self.data = Some(partial);
        }
    }

    pub(super) fn headers(&mut self, head: Head, payload: &[u8]) -> Outcome {
        let mut payload = frame::unpadded(head, payload).ok_or(Code::Protocol)?;
        if head.has(flag::PRIORITY) {
            let (wish, rest) = payload.split_at_checked(5).ok_or(Code::FrameSize)?;
            payload = rest;
            if self.role == Role::Server {
                self.prioritize(head.stream, wish)?;
            }
        }
        let known = self.streams.get(&head.stream);
        if self.role == Role::Client && head.stream > self.last {
            return Err(Code::Protocol);
        }
        let known_or_past = known.is_some() || self.role == Role::Client;
        if !known_or_past && (head.stream.is_multiple_of(2) || head.stream <= self.last) {
            return Err(Code::Protocol);
        }
        if known.is_some_and(|stream| stream.abandoned || (stream.ended_in && !stream.reset)) {
            return Err(Code::StreamClosed);
        }
        // What comes after a body ends it.
        if known.is_some_and(|stream| stream.headed) && !head.has(flag::END_STREAM) {
            return Err(Code::Protocol);
        }
        self.last = self.last.max(head.stream);
        let ends = head.has(flag::END_STREAM);
        let block = Block { stream: head.stream, bytes: payload.to_vec(), ends };
        if head.has(flag::END_HEADERS) {
            return self.whole_block(block);
        }
        self.block = Some(block);
        Ok(())
    }

    pub(super) fn continuation(&mut self, head: Head, payload: &[u8]) -> Outcome {
        let Some(mut block) = self.block.take() else { return Err(Code::Protocol) };
        block.bytes.extend_from_slice(payload);
        if block.bytes.len() > self.limits.block.max(PACKED) {
            return Err(self.flooded(Flood::Heads));
        }
        if head.has(flag::END_HEADERS) {
            return self.whole_block(block);
        }
        self.block = Some(block);
        Ok(())
    }

    pub(super) fn whole_block(&mut self, block: Block) -> Outcome {
        let most = Most { one: self.limits.field, all: self.limits.block };
        let fields = self.decoder.decode(&block.bytes, most).map_err(|fault| match fault {
            Fault::Malformed => Code::Compression,
            Fault::Cut => Code::FrameSize,
            Fault::TooLarge => self.flooded(Flood::Heads),
        })?;
        if self.role == Role::Client {
            return self.block_of_answer(&block, fields);
        }
        if let Some(stream) = self.streams.get_mut(&block.stream) {
            stream.ended_in = true;
            if stream.expected.is_some_and(|length| stream.received != length) {
                stream.blame_body();
            }
            self.events.push_back(Event::Readable(block.stream));
            self.judge_rest(block.stream);
            return Ok(());
        }
        self.requests += 1;
        if self.streams.len() >= self.limits.streams {
            self.dismiss();
        }
        if self.leaving || self.streams.len() >= self.limits.streams {
            self.say_reset(block.stream, Code::RefusedStream);
            self.resets += 1;
            return self.calm();
        }
        // Until it has taken our settings, a client may send more of a body than they allow.
        let eager = !self.settled && !block.ends && i64::from(self.limits.preread) < WINDOW;
        if eager {
            self.say_reset(block.stream, Code::RefusedStream);
            self.resets += 1;
            return self.calm();
        }
        if std::mem::take(&mut self.late) {
            self.say_reset(block.stream, Code::Protocol);
            return Ok(());
        }
        let length = fields.iter().find(|(name, _)| name == b"content-length").map(|(_, value)| value);
        let expected = length.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        if block.ends && expected.is_some_and(|length: u64| length > 0) {
            self.say_reset(block.stream, Code::Protocol);
            return Ok(());
        }
        let begun = Stream::new(self.initial, self.limits.preread);
        let stream = Stream { expected, ended_in: block.ends, headed: true, ..begun };
        self.streams.insert(block.stream, stream);
        self.events.push_back(Event::Request {
            stream: block.stream,
            fields,
            size: block.bytes.len(),
            ends: block.ends,
        });
        Ok(())
    }

    pub(super) fn settings(&mut self, head: Head, payload: &[u8]) -> Outcome {
        if head.has(flag::ACK) {
            self.settled = true;
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

    pub(super) fn window_update(&mut self, head: Head, payload: &[u8]) -> Outcome {
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
        if more == 0 {
            self.break_off(head.stream, Code::Protocol);
            return Ok(());
        }
        let Some(stream) = self.streams.get_mut(&head.stream) else { return Ok(()) };
        if stream.window + more > LARGEST {
            self.break_off(head.stream, Code::FlowControl);
        } else {
            stream.window += more;
            self.events.push_back(Event::Writable(head.stream));
        }
        Ok(())
    }

    pub(super) fn was_reset(&mut self, head: Head, payload: &[u8]) -> Outcome {
        if head.stream > self.last {
            return Err(Code::Protocol);
        }
        if self.role == Role::Client {
            let code = payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
            return self.was_rejected(head.stream, code);
        }
        let Some(stream) = self.streams.get_mut(&head.stream) else { return Ok(()) };
        (stream.reset, stream.abandoned) = (true, true);
        self.events.push_back(Event::Readable(head.stream));
        self.events.push_back(Event::Writable(head.stream));
        self.forget_answered(head.stream);
        self.resets += 1;
        self.calm()
    }

    /// Whoever begins requests mostly to break them off is sent away.
    pub(super) fn calm(&mut self) -> Outcome {
        match self.resets > 200 && self.resets * 2 > self.requests {
            true => Err(self.flooded(Flood::Resets)),
            false => Ok(()),
        }
    }
}
