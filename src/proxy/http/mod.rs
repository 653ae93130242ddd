//! The HTTP/1 codec of the client side.

pub mod chunked;
pub mod date;
pub mod fields;
