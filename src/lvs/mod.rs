//! Virtual servers: connections to real servers.
//!
//! [`table`] says what is wanted, [`pool`] with [`schedule`] and [`persist`] who gets the next connection (all pure);
//! [`forward`] carries it out in user space; [`drive`] follows the plan and the facts about real servers.

pub mod drive;
pub mod forward;
pub mod persist;
pub mod pool;
pub mod schedule;
pub mod table;

pub use drive::run;
