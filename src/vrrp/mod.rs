//! The VRRP speaker: adverts, addresses and gratuitous ARP, and nothing else, in a process of its own.
//!
//! [`wire`] knows the bytes, [`machine`] one instance, [`group`] what instances share, [`track`] and [`trackers`] what
//! interfaces, scripts, files and processes mean to them, [`ability`] what others' facts mean, [`conflict`] why there
//! are two masters; all are pure. [`drive`] brings them into the world through [`sockets`] and [`netlink`].

mod ability;
mod bfd;
mod conflict;
mod drive;
mod dump;
mod group;
mod held;
mod json;
mod links;
pub mod machine;
mod netlink;
mod paths;
mod sockets;
pub mod stats;
mod track;
mod trackers;
pub mod wire;
#[cfg(test)]
mod world;

pub use drive::run;
