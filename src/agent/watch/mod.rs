//! What instances track and must not look at themselves, since looking may block: scripts, files, processes, links. Each is a
//! task of its own that says a fact when something about it changes.

mod file;
mod link;
mod process;
mod score;
mod script;

use std::collections::HashMap;

use rkeep_parsers::ir::track::{Kind, Linkbeat, Track, TrackFile, TrackProcess, TrackScript};
use tokio::task::JoinHandle;
use tracing::info;

use super::security;
use crate::bus::fact::Tracked;
use crate::bus::{Cause, Publisher, Subject, Verdict};
use crate::plan::AgentPlan;
use crate::sys::process::UserIds;

/// The tasks that look.
#[derive(Default)]
pub struct Watchers {
    running: HashMap<(Kind, String), Running>,
}

struct Running {
    of: Definition,
    task: JoinHandle<()>,
}

/// What is looked at, so that a reload leaves alone what it does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Definition {
    Script(TrackScript, UserIds),
    File(TrackFile),
    Process(TrackProcess),
    Link(Linkbeat),
}

impl Watchers {
    /// Looks at what the plan's instances track, and at nothing else any more.
    pub fn follow(&mut self, plan: &AgentPlan, facts: &Publisher) {
        let wanted = definitions(plan);
        self.running.retain(|key, running| {
            let stays = wanted.get(key) == Some(&running.of);
            if !stays {
                running.task.abort();
            }
            stays
        });
        for (key, definition) in wanted {
            self.running.entry(key).or_insert_with_key(|(kind, name)| {
                let teller = Teller { subject: Subject::Tracked(Tracked(*kind), name.clone()), facts: facts.clone() };
                let task = match definition.clone() {
                    Definition::Script(script, user) => tokio::spawn(script::watch(script, user, teller)),
                    Definition::File(file) => tokio::spawn(file::watch(file, teller)),
                    Definition::Link(beat) => tokio::spawn(link::watch(beat, teller)),
                    Definition::Process(process) => tokio::spawn(process::watch(process, teller)),
                };
                Running { of: definition, task }
            });
        }
    }

    /// Ends all of it.
    pub fn stop(&mut self) {
        self.running.drain().for_each(|(_, running)| running.task.abort());
    }
}

/// What is to be looked at; scripts that must not run are left out, and it is said why.
fn definitions(plan: &AgentPlan) -> HashMap<(Kind, String), Definition> {
    let tracked = |kind, name: &str| {
        let is = |track: &Track| track.kind == kind && track.name == name;
        plan.routers.values().any(|router| router.tracks.iter().any(is))
    };
    let mut all = HashMap::new();
    for script in plan.trackers.scripts.iter().filter(|script| tracked(Kind::Script, &script.name)) {
        match security::admit(&script.script, &plan.global) {
            Ok(user) => {
                all.insert((Kind::Script, script.name.clone()), Definition::Script(script.clone(), user));
            }
            Err(why) => info!("{why}"),
        }
    }
    for file in plan.trackers.files.iter().filter(|file| tracked(Kind::File, &file.name)) {
        all.insert((Kind::File, file.name.clone()), Definition::File(file.clone()));
    }
    for process in plan.trackers.processes.iter().filter(|process| tracked(Kind::Process, &process.name)) {
        all.insert((Kind::Process, process.name.clone()), Definition::Process(process.clone()));
    }
    for beat in &plan.trackers.links {
        all.insert((Kind::Interface, beat.interface.clone()), Definition::Link(beat.clone()));
    }
    all
}

/// Says how one thing is.
struct Teller {
    subject: Subject,
    facts: Publisher,
}

impl Teller {
    fn say(&self, good: bool, value: i64) {
        let verdict = if good { Verdict::Up } else { Verdict::Down };
        self.facts.say(self.subject.clone(), verdict, Cause { value, ..Cause::kind("track") });
    }
}
