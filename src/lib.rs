//! rkeep: nginx and keepalived in one program that reads their files unchanged. `ARCHITECTURE.md` beside this file is
//! the map; who may import whom is written there and goes one way only.

pub mod agent;
pub mod balance;
pub mod bus;
pub mod check;
pub mod cli;
pub mod host;
pub mod log;
pub mod lvs;
pub mod mail;
pub mod plan;
pub mod proxy;
pub mod rehearse;
pub mod swap;
pub mod sys;
pub mod vrrp;

#[cfg(test)]
mod testing;

/// The release of nginx whose behaviour this is.
pub const NGINX_VERSION: &str = "1.31.5";

/// The release of keepalived whose language and behaviour this is.
pub const KEEPALIVED_VERSION: &str = "2.4.3";
