//! What answers go through between their handler and the socket, in nginx's order: conditions, added fields, charset,
//! gzip, ranges. Each is pure: it looks at heads and rewrites them, or turns bytes into bytes.

pub mod charset;
pub mod coding;
pub mod conditions;
pub mod gzip;
pub mod headers;
pub mod multipart;
pub mod range;
