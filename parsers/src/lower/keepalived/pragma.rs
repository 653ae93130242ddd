//! Pragmas of keepalived.conf.

use super::Pass;
use super::walk::Walk;
use crate::diag::Diagnostic;
use crate::source::Span;

impl Walk<'_> {
    /// A pragma that stands where this pass reads. All that there are concern instances.
    pub(super) fn pragma(&mut self, text: &str, span: Span) {
        if self.pass != Pass::Vrrp {
            return;
        }
        let mut words = text.split_ascii_whitespace();
        let complaint = match words.next() {
            Some("vip") => self.vip(words),
            Some(name) => Some(format!("unknown pragma \"{name}\"")),
            None => Some("a pragma without a name".to_owned()),
        };
        if let Some(complaint) = complaint {
            let finding = Diagnostic::error("rkeep::pragma", complaint).at(span, "");
            self.report.prepared(self.place, finding.help("the pragmas are: vip follow-service=on|off"));
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
