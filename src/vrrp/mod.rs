//! The VRRP speaker.

pub mod machine;
pub mod stats;
pub mod wire;
