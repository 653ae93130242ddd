//! What answers go through between their handler and the socket.

pub mod gzip;
