//! The HTTP/1 codec of the client side.

pub mod base64;
pub mod chunked;
pub mod date;
pub mod decimal;
pub mod fields;
pub mod head;
pub mod host;
pub mod html;
pub mod known;
pub mod request_line;
pub mod scan;
pub mod status;
pub mod uri;
