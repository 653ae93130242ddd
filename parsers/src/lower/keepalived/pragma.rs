//! Pragmas of keepalived.conf.

use super::Pass;
use super::walk::Walk;
use crate::diag::Diagnostic;
use crate::lower::compat;
use crate::source::Span;
use crate::syntax::keepalived::{Item, Line};
use crate::table::Compat;

/// The releases that pragmas name, wherever they stand.
pub(super) fn compat(lines: &[Line]) -> Compat {
    let mut compat = Compat::default();
    for line in lines {
        let Item::Pragma(text) = &line.item else { continue };
        let mut words = text.split_ascii_whitespace();
        if words.next() == Some("compat") {
            // What is wrong with them is said where they stand.
            let _ = compat::releases(words, &mut compat);
        }
    }
    compat
}

impl Walk<'_> {
    /// A pragma that stands where this pass reads. Any is said once, by the VRRP process.
    pub(super) fn pragma(&mut self, text: &str, span: Span) {
        if self.pass != Pass::Vrrp {
            return;
        }
        let mut words = text.split_ascii_whitespace();
        let complaint = match words.next() {
            Some("vip") => self.vip(words),
            Some("compat") => compat::releases(words, &mut self.cx.compat),
            Some(name) => Some(format!("unknown pragma \"{name}\"")),
            None => Some("a pragma without a name".to_owned()),
        };
        if let Some(complaint) = complaint {
            let finding = Diagnostic::error("rkeep::pragma", complaint).at(span, "");
            let help = format!("the pragmas are: vip follow-service=on|off, compat {}", compat::of_keepalived());
            self.report.prepared(self.place, finding.help(help));
        }
    }

    /// `vip follow-service=on|off`, of the instance it stands in, or of all where it stands outside of all blocks.
    fn vip<'w>(&mut self, words: impl Iterator<Item = &'w str>) -> Option<String> {
        let place = match (self.cx.owner.is_empty(), self.is_outside()) {
            (false, _) => &mut self.draft.follows_service,
            (true, true) => &mut self.draft.all_follow_service,
            (true, false) => return Some("\"vip\" stands in a vrrp_instance, or outside of all blocks".to_owned()),
        };
        for word in words {
            match word {
                "follow-service=on" => *place = Some(true),
                "follow-service=off" => *place = Some(false),
                _ => return Some(format!("\"{word}\" says nothing of a vip")),
            }
        }
        None
    }
}
