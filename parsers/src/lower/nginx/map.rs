//! `map`: a variable whose value depends on others.

use super::Lowering;
use crate::syntax::tree::Directive;
use crate::table::Fault;

impl Lowering<'_> {
    pub(super) fn map(&mut self, directive: &Directive) -> Result<(), Fault> {
        let _ = directive;
        Ok(())
    }
}
