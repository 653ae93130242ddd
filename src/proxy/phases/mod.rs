//! nginx's phases: each a function; the order is in [`super::serve`].

pub mod script;
