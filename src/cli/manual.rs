//! What the manual pages say of command lines; `tests/man` makes the pages.

use super::{keepalived, nginx, rkeep};
use crate::host::nginx::layout;

/// An option as it is written, and what it does.
pub type Described = (&'static str, String);

/// The `rkeep` face.
pub fn rkeep() -> clap::Command {
    rkeep::command()
}

/// The options of the `nginx` face, with Debian's paths.
pub fn nginx() -> Vec<Described> {
    nginx::options(&layout::DEBIAN).to_vec()
}

/// The options of the `keepalived` face.
pub fn keepalived() -> Vec<Described> {
    keepalived::OPTIONS.iter().map(|(option, text)| (*option, (*text).to_owned())).collect()
}
