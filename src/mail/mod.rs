//! E-mail to the admin: [`compose`]d (pure), spooled in a [`queue`], [`send`] by lettre. [`postman`] empties the queue.

pub mod compose;
pub mod helo;
pub mod postman;
pub mod queue;
pub mod send;

#[cfg(test)]
mod tests;

pub use compose::{Envelope, Mail};
pub use postman::{Postman, Route};
pub use queue::{Spool, waiting};
