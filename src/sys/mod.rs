//! The only unsafe code: each block with its reason.

pub mod clock;
pub mod link;
pub mod listening;
pub mod memory;
pub mod namespace;
pub mod nft;
pub mod packet;
pub mod process;
pub mod schedule;
pub mod signal;
pub mod socket;
pub mod tcp;
