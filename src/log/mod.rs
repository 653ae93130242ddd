//! Exact log lines of the originals.
