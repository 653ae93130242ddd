//! `garp_group` and `track_group`: blocks outside of instances that name interfaces and instances.

use super::report::Found;
use super::walk::Walk;
use crate::diag::Class;
use crate::keepalived::global::GarpGroup;
use crate::keepalived::number::written;
use crate::source::Span;
use crate::syntax::tree::Word;
use crate::table::Contexts as C;

impl Walk<'_> {
    /// `garp_group { … }`
    pub(super) fn garp_group(&mut self, span: Span) {
        self.draft.garp = Default::default();
        self.draft.garp_interfaces.clear();
        self.block(C::K_GARP_GROUP);
        let layer = &self.draft.garp;
        let group = GarpGroup {
            interfaces: std::mem::take(&mut self.draft.garp_interfaces),
            garp_interval: written(&layer.garp_interval).unwrap_or_default().0,
            gna_interval: written(&layer.gna_interval).unwrap_or_default().0,
        };
        if !std::mem::take(&mut self.draft.garp_delayed) {
            let number = self.draft.garp_lists;
            let text = format!("garp group {number} does not have any delay set - removing");
            let found = Found::new(Class::General, text, "write garp_interval SECONDS, or gna_interval");
            return self.report.say(self.place, found.at(span));
        }
        self.draft.garp_groups.push(group);
    }

    /// Interfaces of the `garp_group` that is open; each belongs to one group.
    pub(super) fn garp_interfaces(&mut self) {
        let (one, all) = (self.draft.garp.interface.take(), self.draft.garp.interfaces.take());
        let span = one.as_ref().map(|field| field.span).or(all.as_ref().map(|field| field.span)).unwrap_or_default();
        let names = written(&all).unwrap_or_default().0.into_iter().chain(written(&one).map(|name| name.0));
        for name in names {
            if self.machine.interface(&name).is_none() {
                let text = format!("WARNING - interface {name} specified for garp_group doesn't exist");
                self.no_interface(span, &text);
            } else if self.draft.garp_groups.iter().any(|group| group.interfaces.contains(&name)) {
                let text = format!("garp_group already specified for {name} - ignoring");
                self.general(span, text, "name each interface in one group");
                continue;
            }
            self.draft.garp_interfaces.push(name);
        }
    }

    /// `track_group NAME { … }`
    pub(super) fn track_group(&mut self, span: Span, args: &[Word]) {
        let Some(name) = args.first().map(|word| word.lossy().into_owned()) else {
            let text = "track_group must have a name - skipping".to_owned();
            self.general(span, text, "track_group NAME {");
            return self.skip();
        };
        if self.cx.track_groups.contains(&name) {
            self.general(span, format!("track_group {name} already defined"), "name each group once");
            return self.skip();
        }
        self.draft.track_group = Default::default();
        self.block(C::K_TRACK_GROUP);
        let members = written(&self.draft.track_group.group).unwrap_or_default().0;
        if members.is_empty() && !self.cx.is_old_keepalived() {
            let text = format!("Static track group {name} has no members - removing");
            return self.report.say(self.place, Found::new(Class::General, text, "group { VI_1 }").at(span));
        }
        self.cx.track_groups.push(name);
    }
}
