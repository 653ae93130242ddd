//! What is tracked: the blocks that define it, and the lines of instances and groups that name it.

use std::time::Duration;

use super::report::Found;
use super::walk::Walk;
use super::{Mode, Pass, Script as ScriptState};
use crate::diag::Class;
use crate::ir::track::{Kind, Track, TrackFile, TrackProcess, TrackScript, Weight};
use crate::ir::vrrp::Script;
use crate::keepalived::number::written;
use crate::keepalived::tracking::{TrackLine, kind};
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};
use crate::table::Contexts as C;

/// The longest name of an interface that the kernel takes.
const LONGEST_INTERFACE: usize = 15;

impl Walk<'_> {
    /// `vrrp_script NAME { … }` and its kin.
    pub(super) fn tracker(&mut self, context: C, span: Span, keyword: &Word, args: &[Word]) {
        if !self.named(C::K_TOP, keyword, args) {
            return self.skip();
        }
        let name = args.first().map(Word::lossy).unwrap_or_default().into_owned();
        (self.draft.script, self.draft.file, self.draft.process) = Default::default();
        self.draft.watcher_removed = false;
        self.cx.owner.clone_from(&name);
        self.block(context);
        self.cx.owner.clear();
        match context {
            C::K_SCRIPT => self.track_script(name, span),
            C::K_TRACK_FILE => self.track_file(name, span),
            _ => self.track_process(name, span),
        }
    }

    fn track_script(&mut self, name: String, span: Span) {
        let layer = &self.draft.script;
        let Some(mut script) = written(&layer.script).and_then(|command| command.0) else {
            let text = format!("No script set for vrrp_script {name} - removing");
            return self.general(span, text, "write script \"PROGRAM ARGUMENTS\"");
        };
        if self.draft.watcher_removed || !self.has_user(&name, span) {
            return;
        }
        let layer = &self.draft.script;
        script.user = written(&layer.user).and_then(|user| user.0);
        let interval = written(&layer.interval).map_or(Duration::from_secs(1), |interval| interval.0);
        self.draft.trackers.scripts.push(TrackScript {
            name,
            script,
            interval,
            timeout: written(&layer.timeout).map_or(interval, |timeout| timeout.0),
            weight: written(&layer.weight).unwrap_or_default().0,
            rise: written(&layer.rise).map_or(1, |rise| rise.0),
            fall: written(&layer.fall).map_or(1, |fall| fall.0),
            init_fail: layer.init_fail.is_some(),
            span,
        });
    }

    /// With script security, no script runs as root because nobody said who else.
    fn has_user(&mut self, name: &str, span: Span) -> bool {
        let secure = self.draft.global.enable_script_security.is_some();
        let said = self.draft.script.user.is_some() || self.draft.global.script_user.is_some();
        if !secure || said || self.machine.user("keepalived_script", None) {
            return true;
        }
        if !std::mem::replace(&mut self.draft.no_default_user, true) {
            let text = "Unable to set default user keepalived_script for script".to_owned();
            self.general(span, text, "write script_user in global_defs");
        }
        let text = format!("Unable to set default user for vrrp script {name} - removing");
        self.general(span, text, "write script_user in global_defs, or user in the script's block");
        false
    }

    /// `user` of a `vrrp_script`.
    pub(super) fn watcher_user(&mut self, directive: &Directive) {
        let Some((user, group)) = written(&self.draft.script.user).and_then(|user| user.0) else { return };
        if self.machine.user(&user, group.as_deref()) {
            return;
        }
        let program = written(&self.draft.script.script).and_then(|command| command.0?.argv.into_iter().next());
        let text = format!("Unable to set uid/gid for script '{}'", program.unwrap_or_default());
        self.draft.watcher_removed = true;
        self.general(directive.span, text, "a user and group of this machine");
    }

    /// `file` of a `track_file`, written once.
    pub(super) fn file_name(&mut self, directive: &Directive) {
        let Some(word) = directive.args.first().map(|word| word.lossy().into_owned()) else {
            return self.general(directive.span, "track file file name missing".to_owned(), "write file PATH");
        };
        let Some(first) = self.draft.file_name.clone() else {
            self.draft.file_name = Some(word);
            return;
        };
        let text = format!("File already set for track file {} - ignoring {word}", self.cx.owner);
        self.general(directive.span, text, &format!("it is {first}"));
    }

    fn track_file(&mut self, name: String, span: Span) {
        let Some(path) = self.draft.file_name.take() else {
            return self.general(span, format!("No file set for track_file {name} - ignoring"), "write file PATH");
        };
        // The checkers read it too, and say the same of it.
        if self.pass != Pass::Vrrp {
            return;
        }
        let layer = &self.draft.file;
        let weight = written(&layer.weight).map_or(Weight { value: 1, reverse: false }, |weight| weight.0);
        let init = written(&layer.init_file).map(|init| (init.value, init.overwrite));
        self.draft.trackers.files.push(TrackFile { name, path, weight, init, span });
    }

    /// `quorum_max` of a `vrrp_track_process`.
    pub(super) fn quorum_max(&mut self, span: Span) {
        let quorum = written(&self.draft.process.quorum).map_or(1, |quorum| quorum.0);
        if written(&self.draft.process.quorum_max).is_some_and(|most| most.0 < quorum && most.0 != 0) {
            self.draft.process.quorum_max = None;
            self.general(span, "quorum_max is less than quorum - ignoring".to_owned(), "at least the quorum");
        }
    }

    fn track_process(&mut self, name: String, span: Span) {
        let layer = &self.draft.process;
        let Some(command) = written(&layer.process).map(|words| words.0) else {
            let text = format!("track process '{name}' process name not specified");
            return self.general(span, text, "write process PROGRAM");
        };
        let zero = Duration::ZERO;
        let both = written(&layer.delay).map(|delay| delay.0);
        self.draft.trackers.processes.push(TrackProcess {
            name,
            command,
            arguments: written(&layer.param_match).unwrap_or_default().0,
            full_command: layer.full_command.is_some(),
            weight: written(&layer.weight).unwrap_or_default().0,
            quorum: written(&layer.quorum).map_or(1, |quorum| quorum.0),
            quorum_max: written(&layer.quorum_max).map(|most| most.0),
            fork_delay: written(&layer.fork_delay).map(|delay| delay.0).or(both).unwrap_or(zero),
            terminate_delay: written(&layer.terminate_delay).map(|delay| delay.0).or(both).unwrap_or(zero),
            span,
        });
    }

    /// A line of a `track_…` block that has just been read.
    pub(super) fn track(&mut self, keyword: &str) {
        let layer = &mut self.draft.tracking;
        let field = match kind(keyword) {
            Kind::Interface => &mut layer.track_interface,
            Kind::Script => &mut layer.track_script,
            Kind::File => &mut layer.track_file,
            Kind::Process => &mut layer.track_process,
            Kind::Bfd => &mut layer.track_bfd,
        };
        let Some(line) = field.as_mut().and_then(|field| field.value.pop()) else { return };
        let (kind, owner) = (kind(keyword), self.cx.owner.clone());
        if self.draft.tracks.iter().any(|known| known.kind == kind && known.name == line.name) {
            let text = format!("({owner}) duplicate {keyword} {} - ignoring", line.name);
            return self.general(line.span, text, "write it once");
        }
        let Some(own) = self.own_weight(kind, &line, &owner) else { return };
        let weight = Weight {
            value: line.weight.unwrap_or(own.value),
            reverse: if line.weight.is_some() { line.reverse.unwrap_or(false) } else { own.reverse },
        };
        self.draft.tracks.push(Track { kind, name: line.name, weight });
    }

    /// The weight of what a line names; none where there is no such thing.
    fn own_weight(&mut self, kind: Kind, line: &TrackLine, owner: &str) -> Option<Weight> {
        let (name, trackers) = (&line.name, &self.draft.trackers);
        let thing = match kind {
            Kind::Interface => return self.interface_weight(line, owner),
            Kind::Script => ("track script", trackers.scripts.iter().find(|it| it.name == *name).map(|it| it.weight)),
            Kind::File => ("track file", trackers.files.iter().find(|it| it.name == *name).map(|it| it.weight)),
            Kind::Process => {
                ("track process", trackers.processes.iter().find(|it| it.name == *name).map(|it| it.weight))
            }
            Kind::Bfd => ("track bfd", self.draft.bfd_names.iter().find(|it| it.0 == *name).map(|it| it.1)),
        };
        if thing.1.is_none() {
            let text = format!("({owner}) {} {name} not found, ignoring...", thing.0);
            self.general(line.span, text, "define it before the instance that tracks it");
        }
        thing.1
    }

    fn interface_weight(&mut self, line: &TrackLine, owner: &str) -> Option<Weight> {
        if line.name.len() > LONGEST_INTERFACE || self.machine.interface(&line.name).is_none() {
            self.no_interface(line.span, &format!("({owner}) tracked interface {} doesn't exist", line.name));
            let later = self.draft.global.dynamic_interfaces.is_some();
            return later.then(Weight::default);
        }
        Some(Weight::default())
    }

    /// What keepalived's VRRP process says of scripts once all is read: those that must not run are taken out.
    pub(super) fn judge_watchers(&mut self) {
        let secure = self.draft.global.enable_script_security.is_some();
        for script in self.draft.trackers.scripts.clone() {
            self.judge_watcher(&script, secure);
        }
    }

    fn judge_watcher(&mut self, script: &TrackScript, secure: bool) {
        let Script { argv, .. } = &script.script;
        let program = argv.first().map(String::as_str).unwrap_or_default();
        // What an old manual showed; keepalived takes it as it is, and it fails when it is run.
        if program.starts_with('<') {
            return;
        }
        let (text, help) = match self.machine.script(program) {
            ScriptState::Secure => return self.note_script(None),
            // The link is root's own: rkeep runs the script, and `-t` says what keepalived would do.
            ScriptState::ThroughLink => {
                self.note_script(None);
                if self.report.mode() != Mode::Test || self.cx.is_old_keepalived() {
                    return;
                }
                ("due to insecure", "write the real path, such as /usr/bin/… instead of /bin/…")
            }
            ScriptState::Insecure if !secure => return self.note_script(Some(program)),
            ScriptState::Insecure => ("due to insecure", "let root alone own and write it and the directories above"),
            ScriptState::Missing => ("since not found/accessible", "write the path of a file that may be executed"),
        };
        let mend = self.machine.mend(program);
        let class = if self.judges_machine() { Class::General } else { Class::Remark };
        let text = format!("Disabling track script {} {text}", script.name);
        let help = mend.as_deref().unwrap_or(help);
        self.report.conclude(Some(script.span), Found::new(class, text, help));
        if matches!(self.report.mode(), Mode::Run(_) | Mode::Test) {
            self.draft.trackers.scripts.retain(|known| known.name != script.name);
        }
    }
}
