//! The HTTP engine.

pub mod accesslog;
pub mod alias;
pub mod body;
pub mod boxed;
pub mod browser;
pub mod cache;
pub mod client_body;
mod clock;
pub mod compile;
pub mod compose;
pub mod connection;
pub mod content;
pub mod drive;
pub mod engine;
pub mod errorlog;
pub mod filters;
pub mod flood;
pub mod h2;
pub mod http;
pub mod intake;
pub mod io;
pub mod limits;
pub mod locations;
pub mod logfile;
pub mod names;
pub mod pace;
pub mod password;
pub mod paths;
pub mod pause;
pub mod phases;
pub mod proxy_protocol;
pub mod pulse;
pub mod realip;
pub mod referer;
pub mod regex;
pub mod request;
pub mod resolver;
pub mod response;
pub mod secure_link;
pub mod serve;
pub mod sink;
pub mod source;
pub mod spare;
pub mod ssi;
pub mod stats;
pub mod subrequest;
pub mod syslog;
pub mod thread;
pub mod tls;
pub mod upstream;
pub mod userid;
pub mod vars;
pub mod worker;

/// The release of nginx whose behaviour and banner the engine has.
pub const NGINX_VERSION: &str = "1.31.5";

#[cfg(test)]
mod tests;
