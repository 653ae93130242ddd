//! HTTP/2: frames and header blocks are pure (`frame`, `hpack`, `machine`). Towards clients `drive` moves bytes between
//! them and the socket; a stream is one more kind of [`Stream`](super::io::Stream), so requests on it are served by the
//! same code as those of HTTP/1. A connection to a backend (`backend`) is one, too, and moves its bytes itself.

pub mod answer;
pub mod backend;
pub mod drive;
pub mod frame;
pub mod hpack;
pub mod huffman;
pub mod machine;
pub mod request;
mod stream;

pub use backend::BackendStream;
pub use stream::{H2Stream, Hub};
