//! `virtual_server fwmark MARK` and `virtual_server group NAME`: rkeep serves neither, and judges both for `keepalived -t`.

use super::Mode;
use super::report::Found;
use super::walk::Walk;
use crate::diag::{Class, Diagnostic};
use crate::keepalived::number::unsigned;
use crate::source::Span;
use crate::syntax::tree::Word;
use crate::table::Contexts as C;

impl Walk<'_> {
    /// Refuses to run with such a virtual server; `-t` is told what keepalived says of it.
    pub(super) fn marked_service(&mut self, span: Span, args: &[Word]) {
        let kind = args.first().map(Word::lossy).unwrap_or_default();
        if self.report.mode() == Mode::Test {
            return match (&*kind, args.get(1)) {
                ("fwmark", Some(mark)) => self.by_mark(span, mark),
                ("group", Some(name)) => self.by_group(span, &name.lossy()),
                _ => self.skip(),
            };
        }
        let text = format!(
            "'virtual_server {kind}' is known to keepalived, not built into rkeep yet, refusing to run without it"
        );
        let finding = Diagnostic::error("keepalived::not-built", text.clone()).at(span, "not built");
        let finding =
            finding.help("write one virtual_server ADDRESS PORT for each address").legacy(Class::General, text);
        self.report.refuse(self.place, finding);
        self.skip();
    }

    fn by_mark(&mut self, span: Span, word: &Word) {
        let mark = match unsigned(word, 0, u32::MAX, &mut self.cx) {
            Ok(mark) => mark,
            Err(fault) => {
                let text = format!("virtual server fwmark '{}' must be in [0, 4294967295] - ignoring", word.lossy());
                self.report.say(self.place, Found::new(Class::Number, fault.text, "").at(word.span));
                self.general(word.span, text, "");
                return self.skip();
            }
        };
        let name = format!("FWM {mark}");
        if self.has_servers(span, &name) && self.draft.service.protocol.is_some() {
            let text =
                format!("Warning: Virtual server {name}: protocol specified for fwmark - protocol will be ignored");
            self.report.conclude(Some(span), Found::new(Class::Warning, text, ""));
        }
    }

    fn by_group(&mut self, span: Span, name: &str) {
        let name = format!("[{name}]:0");
        if self.has_servers(span, &name) && self.draft.service.protocol.is_none() {
            let text = format!("Virtual server {name}: no protocol set - defaulting to UDP");
            self.report.conclude(Some(span), Found::new(Class::General, text, ""));
        }
    }

    /// Reads the block for what its words are worth; whether it has real servers.
    fn has_servers(&mut self, span: Span, name: &str) -> bool {
        (self.draft.service, self.draft.service_timing) = Default::default();
        self.draft.service_address = None;
        self.draft.reals.clear();
        self.block(C::K_VIRTUAL_SERVER);
        if std::mem::take(&mut self.draft.reals).is_empty() {
            self.no_real_servers(span, name);
            return false;
        }
        true
    }
}
