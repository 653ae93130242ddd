//! The agent: turns facts into mail, notify scripts and FIFO lines, so that no engine ever waits for any of them.
//!
//! [`decide`] says what a fact asks for (pure); [`script`] runs programs, which [`security`] allows; [`fifo`] writes
//! lines; [`seen`] remembers what has been acted on; [`watch`] looks at what
//! instances track; [`drive`] brings them together with the mail queue.

pub mod decide;
pub mod drive;
pub mod fifo;
pub mod script;
pub mod security;
pub mod seen;
pub mod watch;

#[cfg(test)]
mod tests;

pub use drive::run;
