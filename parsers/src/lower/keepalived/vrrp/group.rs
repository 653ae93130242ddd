//! `vrrp_sync_group`: its block, and what its members track with it.

use super::super::report::Found;
use super::super::walk::Walk;
use super::made::scripts;
use crate::diag::Class;
use crate::ir::track::Kind;
use crate::ir::vrrp::Group;
use crate::keepalived::number::written;
use crate::source::Span;
use crate::syntax::tree::Word;
use crate::table::Contexts as C;

impl Walk<'_> {
    /// `vrrp_sync_group NAME { … }`
    pub(in crate::lower::keepalived) fn sync_group(&mut self, span: Span, args: &[Word]) {
        let Some(name) = args.first().map(|word| word.lossy().into_owned()) else {
            let found =
                Found::new(Class::General, "vrrp_sync_group must have a name - skipping", "vrrp_sync_group VG_1 {");
            self.report.say(self.place, found.at(span));
            return self.skip();
        };
        if self.draft.groups.iter().any(|(group, _)| group.name == name) {
            let found =
                Found::new(Class::General, format!("vrrp sync group {name} already defined"), "name each group once");
            self.report.say(self.place, found.at(span));
            return self.skip();
        }
        self.draft.group = Default::default();
        self.draft.notify = Default::default();
        self.draft.tracking = Default::default();
        self.draft.tracks.clear();
        self.cx.owner.clone_from(&name);
        self.block(C::K_SYNC_GROUP);
        self.cx.owner.clear();
        let members = written(&self.draft.group.group).unwrap_or_default().0;
        if members.is_empty() {
            return self.no_members(name, span);
        }
        let global = &self.draft.global;
        let all = written(&global.smtp_alert_vrrp).or(written(&global.smtp_alert));
        let smtp_alert = written(&self.draft.group.smtp_alert).or(all).is_some_and(|alert| alert.0);
        let notify = scripts(&self.draft.notify);
        let tracks = std::mem::take(&mut self.draft.tracks);
        let tracks_weight = self.draft.group.sync_group_tracking_weight.is_some();
        let group = Group { name, members: Vec::new(), tracks, tracks_weight, smtp_alert, notify, span };
        self.draft.groups.push((group, members));
    }

    fn no_members(&mut self, name: String, span: Span) {
        if self.cx.is_old_keepalived() {
            return self.draft.empty_groups.push((name, span));
        }
        let text = format!("Sync group {name} has no members - removing");
        self.report.say(self.place, Found::new(Class::General, text, "group { VI_1 VI_2 }").at(span));
    }

    pub(super) fn judge_groups(&mut self) {
        for (name, span) in std::mem::take(&mut self.draft.empty_groups) {
            let text = format!("Sync group {name} has no virtual router(s). removing");
            self.conclude(Some(span), text, "group { VI_1 VI_2 }");
        }
        let groups = std::mem::take(&mut self.draft.groups);
        let mut taken: Vec<String> = Vec::new();
        for (group, mut members) in groups {
            let span = Some(group.span);
            members.retain(|member| {
                if !self.draft.routers.iter().any(|known| &known.router.name == member) {
                    let text = format!(
                        "Virtual router {member} specified in sync group {} doesn't exist - ignoring",
                        group.name
                    );
                    self.conclude(span, text, "name instances of this file");
                    return false;
                }
                let free = !taken.contains(member);
                if !free {
                    let text = format!(
                        "Virtual router {member} cannot exist in more than one sync group; ignoring {}",
                        group.name
                    );
                    self.conclude(span, text, "put the instance into one group");
                }
                free
            });
            taken.extend(members.iter().cloned());
            match members.len() {
                0 => {
                    let text = format!(
                        "Sync group {}, no matching virtual router found in group declaration - removing",
                        group.name
                    );
                    self.conclude(span, text, "name instances of this file");
                    continue;
                }
                1 => {
                    let text = format!(
                        "Sync group {} has only 1 virtual router(s) - this probably isn't what you want",
                        group.name
                    );
                    self.conclude(span, text, "a group is for several instances");
                }
                _ => {}
            }
            self.join(&group, &members);
            self.draft.groups.push((group, members));
        }
    }

    /// Members track what their group does; what they track themselves has no weight unless the group lets it.
    fn join(&mut self, group: &Group, members: &[String]) {
        let mut ignored = Vec::new();
        for draft in self.draft.routers.iter_mut().filter(|draft| members.contains(&draft.router.name)) {
            let name = draft.router.name.clone();
            let mut tracks = std::mem::take(&mut draft.router.tracks);
            if !group.tracks_weight {
                tracks.retain(|track| {
                    let weighs = track.weight.value != 0;
                    if weighs {
                        ignored.push((draft.spans.name, name.clone(), track.kind, track.name.clone()));
                    }
                    !weighs
                });
            }
            tracks.retain(|own| !group.tracks.iter().any(|all| (all.kind, &all.name) == (own.kind, &own.name)));
            tracks.extend(group.tracks.iter().cloned());
            draft.router.tracks = tracks;
        }
        for (span, router, kind, name) in ignored {
            let text = format!("({router}) ignoring {} {name} with weights due to SYNC group", called(kind));
            let help = "write the weight in the group's own track block, or sync_group_tracking_weight";
            self.report.conclude(Some(span), Found::new(Class::Remark, text, help));
        }
    }
}

/// What keepalived calls a tracked thing.
fn called(kind: Kind) -> &'static str {
    match kind {
        Kind::Interface => "tracked interface",
        Kind::Script => "tracked script",
        Kind::File => "tracked file",
        Kind::Process => "tracked process",
        Kind::Bfd => "tracked bfd",
    }
}
