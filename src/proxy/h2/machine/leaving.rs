//! How a connection ends in good order (RFC 9113, 6.8): at once for new streams, or once the client knows.

use super::{LARGEST, Machine};
use crate::proxy::h2::frame::{self, Code, kind};

/// What the PING says behind the announcement; its answer shows that the client has read both.
const FAREWELL: [u8; 8] = *b"farewell";

impl Machine {
    /// Says that the end is near. What the client sends before it has read that is still taken; with its answer, the
    /// connection leaves.
    pub fn announce_leave(&mut self) {
        if self.announced || self.leaving {
            return;
        }
        self.announced = true;
        frame::goaway(&mut self.out, LARGEST as u32, Code::NoError);
        frame::head(&mut self.out, FAREWELL.len(), kind::PING, 0, 0);
        self.out.extend_from_slice(&FAREWELL);
    }

    /// The client has answered a PING.
    pub(super) fn knows(&mut self, payload: &[u8]) {
        if self.announced && payload == FAREWELL {
            self.leave();
        }
    }

    /// Takes no new streams; those that are open go on.
    pub fn leave(&mut self) {
        if !self.leaving {
            self.leaving = true;
            self.dismiss();
            frame::goaway(&mut self.out, self.last, Code::NoError);
        }
    }

    /// Whether no more requests are taken and none is left.
    pub fn has_left(&self) -> bool {
        self.over || (self.leaving && self.streams.is_empty())
    }
}
