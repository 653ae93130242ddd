//! From bytes to one model: the text of nginx.conf and keepalived.conf becomes a lossless tree, the tree is checked
//! against one table of directives, and the table writes the [`ir`].
//!
//! Nothing here opens a socket, reads a clock or starts a task. Files come through a [`source::Loader`]; every step
//! returns what it could make of its input together with diagnostics, and never panics on any bytes.
#![forbid(unsafe_code)]

pub mod diag;
pub mod ir;
pub mod keepalived;
pub mod lower;
pub mod nginx;
pub mod source;
pub mod syntax;
pub mod table;
