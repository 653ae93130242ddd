//! Which steps lead from how things stand to where one wants to be. Pure.

use serde::{Deserialize, Serialize};

use super::found::{Found, Running};
use super::process::Whose;
use super::{Face, Site};

/// Where one wants to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Heading {
    /// rkeep in the originals' places.
    In,
    /// The originals in theirs.
    Out,
}

impl Heading {
    /// Whose programs shall run.
    pub fn wanted(self) -> Whose {
        match self {
            Heading::In => Whose::Rkeep,
            Heading::Out => Whose::Original,
        }
    }
}

/// One thing that is done. Each may be done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Upgrades of the package go beside rkeep instead of over it.
    Divert,
    /// The original gets a second name.
    Keep,
    /// A copy of rkeep takes the original's place.
    Install,
    /// The original takes its place back.
    Restore,
    /// The program at the path takes over from the one that runs.
    TakeOver,
    /// systemd starts the program at the path instead of the one that runs.
    Restart,
    /// The configuration is accepted, listeners answer, addresses are where they were.
    Verify,
    /// The original's second name goes.
    Unkeep,
    /// The package has its path again.
    Undivert,
}

/// One thing that is done at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where.
    pub face: Face,
    /// What.
    pub act: Act,
}

/// The steps. keepalived comes after nginx on the way in and before it on the way out, so that an address is only where
/// something answers.
pub fn plan(heading: Heading, found: &[Found]) -> Vec<Step> {
    let mut found: Vec<&Found> = found.iter().collect();
    found.sort_by_key(|found| found.face);
    if heading == Heading::Out {
        found.reverse();
    }
    found
        .into_iter()
        .flat_map(|found| acts(heading, found).into_iter().map(|act| Step { face: found.face, act }))
        .collect()
}

fn acts(heading: Heading, found: &Found) -> Vec<Act> {
    let take_over = match found.running {
        Running::Live(whose) => whose != heading.wanted(),
        Running::Both => true,
        Running::No | Running::Unit(..) | Running::Foreground(_) => false,
    };
    let restart = matches!(&found.running, Running::Unit(whose, _) if *whose != heading.wanted());
    let original = found.at_path == Whose::Original;
    let steps = match heading {
        Heading::In => [
            (found.packaged && !found.diverted, Act::Divert),
            (original && !found.kept, Act::Keep),
            (original, Act::Install),
            (take_over, Act::TakeOver),
            (restart, Act::Restart),
            (true, Act::Verify),
        ]
        .to_vec(),
        Heading::Out => vec![
            (!original && found.kept, Act::Restore),
            (take_over, Act::TakeOver),
            (restart, Act::Restart),
            (found.kept, Act::Unkeep),
            (found.diverted, Act::Undivert),
        ],
    };
    steps.into_iter().filter_map(|(needed, act)| needed.then_some(act)).collect()
}

impl Act {
    /// What it does, for people.
    pub fn describe(self, site: &Site) -> String {
        let (name, path, kept) = (site.face.name(), site.path.display(), site.kept.display());
        let package = site.package.as_deref().unwrap_or_default();
        match self {
            Act::Divert => format!("divert {path} of package {package} to {kept}"),
            Act::Keep => format!("keep the original {path} as {kept}"),
            Act::Install => format!("put a copy of rkeep in the place of {path}"),
            Act::Restore => format!("put the original {kept} back as {path}"),
            Act::TakeOver => match site.face {
                Face::Nginx => format!("let the running nginx hand its sockets over to {path} (USR2, WINCH, QUIT)"),
                Face::Keepalived => format!("let {path} take over from the running keepalived"),
            },
            Act::Restart => format!("have systemd restart {name}"),
            Act::Verify => {
                format!("verify {name}: configuration accepted, listeners answer, addresses where they were")
            }
            Act::Unkeep => format!("remove {kept}"),
            Act::Undivert => format!("remove the diversion of {path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(at_path: Whose, kept: bool, diverted: bool, running: Running) -> Found {
        Found { face: Face::Nginx, at_path, kept, packaged: true, diverted, running }
    }

    fn acts_of(heading: Heading, found: Found) -> Vec<Act> {
        plan(heading, &[found]).into_iter().map(|step| step.act).collect()
    }

    #[test]
    fn all_the_way_in_and_out() {
        use Whose::{Original, Rkeep};
        let before = found(Original, false, false, Running::Live(Original));
        assert_eq!(acts_of(Heading::In, before), [Act::Divert, Act::Keep, Act::Install, Act::TakeOver, Act::Verify]);
        let after = found(Rkeep, true, true, Running::Live(Rkeep));
        assert_eq!(acts_of(Heading::In, after.clone()), [Act::Verify]);
        assert_eq!(acts_of(Heading::Out, after), [Act::Restore, Act::TakeOver, Act::Unkeep, Act::Undivert]);
    }

    #[test]
    fn what_does_not_run_is_not_taken_over() {
        let stopped = Found { packaged: false, ..found(Whose::Original, false, false, Running::No) };
        assert_eq!(acts_of(Heading::In, stopped.clone()), [Act::Keep, Act::Install, Act::Verify]);
        assert_eq!(acts_of(Heading::Out, stopped), []);
        let unit = |whose| Running::Unit(whose, "nginx.service".to_owned());
        let service = found(Whose::Rkeep, true, true, unit(Whose::Original));
        assert_eq!(acts_of(Heading::In, service), [Act::Restart, Act::Verify]);
        let foreground = found(Whose::Rkeep, true, true, Running::Foreground(Whose::Original));
        assert_eq!(acts_of(Heading::In, foreground), [Act::Verify]);
    }

    /// Wherever a run was killed, the other direction leads back, and no step lets the path be empty.
    #[test]
    fn every_state_leads_to_both_ends() {
        for bits in 0..16 {
            let (rkeep, kept, diverted, both) = (bits & 1 != 0, bits & 2 != 0, bits & 4 != 0, bits & 8 != 0);
            if rkeep && !kept {
                continue;
            }
            for heading in [Heading::In, Heading::Out] {
                let at_path = if rkeep { Whose::Rkeep } else { Whose::Original };
                let mut now = found(at_path, kept, diverted, if both { Running::Both } else { Running::Live(at_path) });
                for step in plan(heading, &[now.clone()]) {
                    apply(step.act, heading, &mut now);
                    assert!(now.at_path == Whose::Original || now.kept, "the original is lost by {step:?}");
                }
                let settled = Running::Live(heading.wanted());
                assert_eq!((now.at_path, now.running.clone()), (heading.wanted(), settled), "{heading:?} from {bits}");
                assert_eq!((now.kept, now.diverted), (heading == Heading::In, heading == Heading::In));
            }
        }
    }

    fn apply(act: Act, heading: Heading, found: &mut Found) {
        match act {
            Act::Divert => found.diverted = true,
            Act::Undivert => found.diverted = false,
            Act::Keep => found.kept = true,
            Act::Unkeep => found.kept = false,
            Act::Install => found.at_path = Whose::Rkeep,
            Act::Restore => found.at_path = Whose::Original,
            Act::TakeOver | Act::Restart => found.running = Running::Live(heading.wanted()),
            Act::Verify => {}
        }
    }

    #[test]
    fn an_address_is_only_where_something_answers() {
        let nginx = found(Whose::Original, false, false, Running::No);
        let keepalived = Found { face: Face::Keepalived, ..nginx.clone() };
        let first = |heading, found: &[Found]| plan(heading, found).first().map(|step| step.face);
        assert_eq!(first(Heading::In, &[keepalived.clone(), nginx.clone()]), Some(Face::Nginx));
        let swapped = |found: Found| Found { at_path: Whose::Rkeep, kept: true, ..found };
        assert_eq!(first(Heading::Out, &[swapped(nginx), swapped(keepalived)]), Some(Face::Keepalived));
    }
}
