//! FastCGI beside HTTP/1: the request as records ([`request`]), the answer out of them ([`answer`]). The rest of a
//! request's way is the same.

pub mod answer;
mod records;
pub mod request;

pub use records::{Records, stdin};
