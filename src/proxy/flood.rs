//! What connections are ended for before they cost more than they may. Each kind has a counter, and each end a log line.

/// A kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// There are as many connections as `worker_connections` allows.
    Connections,
    /// A handshake has not ended within `client_header_timeout`.
    Handshakes,
    /// Frames of HTTP/2 that carry nothing.
    Frames,
    /// Streams of HTTP/2 that are begun to be broken off.
    Resets,
    /// Heads of HTTP/2 that are larger than `large_client_header_buffers` allows.
    Heads,
}

impl Flood {
    /// All of them.
    pub const ALL: [Flood; 5] = [Flood::Connections, Flood::Handshakes, Flood::Frames, Flood::Resets, Flood::Heads];

    /// What there was too much of.
    pub fn text(self) -> &'static str {
        match self {
            Flood::Connections => "connections beyond worker_connections",
            Flood::Handshakes => "handshakes that took too long",
            Flood::Frames => "HTTP/2 frames without a use",
            Flood::Resets => "HTTP/2 streams broken off",
            Flood::Heads => "HTTP/2 heads too large",
        }
    }
}
