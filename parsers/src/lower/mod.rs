//! From the tree to the IR: each language by itself, then what touches both.

mod compat;
pub mod keepalived;
pub mod link;
pub mod nginx;

use crate::diag::Diagnostic;
use crate::ir::Ir;
use crate::source::SourceMap;

/// What became of a configuration.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The model; none when the original would refuse the file.
    pub ir: Option<Ir>,
    /// All files, in the order in which they were opened.
    pub sources: SourceMap,
    /// All findings, in the order in which the original meets them.
    pub diagnostics: Vec<Diagnostic>,
}
