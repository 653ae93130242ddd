//! The VRRP speaker: adverts, addresses and gratuitous ARP, and nothing else, in a process of its own.
//!
//! [`wire`] knows the bytes, [`machine`] one instance, [`group`] what instances share, [`track`] what interfaces mean to
//! them, [`ability`] what others' facts mean; all five are pure. [`drive`] brings them into the world through [`sockets`] and [`netlink`].

mod ability;
mod drive;
mod dump;
mod group;
mod held;
mod links;
pub mod machine;
mod netlink;
mod sockets;
pub mod stats;
mod track;
pub mod wire;

pub use drive::run;
