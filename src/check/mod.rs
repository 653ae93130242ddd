//! Checks of real servers.
