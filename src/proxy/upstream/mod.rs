//! The backend side of the HTTP engine. A request finds its upstream ([`target`]), is composed once ([`outgoing`]), and
//! is tried ([`proxy`]): a server is chosen ([`tries`]), connected to or an idle connection taken ([`backend`],
//! [`idle`]), the request sent ([`send`]), the answer's head read ([`receive`]) and made the client's ([`answer`]). The
//! body follows ([`stream`]), or both directions of a tunnel do ([`tunnel`]).

mod ambient;
mod answer;
mod backend;
mod body;
mod cached;
mod cgi;
mod cookies;
mod fastcgi;
pub mod head;
mod headers;
mod hints;
mod http2;
mod idle;
pub mod meaning;
mod memcached;
mod named;
mod outgoing;
mod outlet;
mod packets;
mod params;
mod pools;
mod proxy;
mod receive;
mod redirect;
mod resolve;
mod route;
mod secure;
mod send;
mod splice;
mod spool;
mod stream;
mod target;
mod trailers;
mod tries;
mod trouble;
mod tunnel;
mod upload;
mod uri;

pub use ambient::{chance, seconds};
pub use fastcgi::request::Scripts;
pub use named::Named;
pub use pools::Upstreams;
pub use proxy::handle;
pub use receive::Rest;
pub use route::Route;
pub use stream::AnswerStream;
