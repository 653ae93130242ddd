//! Putting rkeep in the place of nginx and keepalived while they serve, and taking it out again.
//!
//! [`found`] says how things stand, [`plan`] (pure) which steps lead from there to where one wants to be; each step can be
//! done again, so a run that was killed goes on, or turns back, by looking and planning anew. [`journal`] remembers what
//! was begun. At every moment there is a program at each path, and a process that serves.

mod files;
mod found;
mod journal;
mod keepalived;
mod nginx;
mod plan;
mod process;
mod site;
mod verify;

use std::io;
use std::net::IpAddr;
use std::path::Path;

pub use found::{Found, look};
pub use journal::{Journal, Lock};
pub use plan::{Act, Heading, Step, plan};
pub use site::{Face, Site};

/// A step that failed.
#[derive(Debug)]
pub struct Failed {
    /// What it was to do.
    pub step: String,
    /// Why not.
    pub error: io::Error,
}

/// Carries out what leads to the journal's heading from how things stand. `rkeep` is the program that is put in place;
/// `say` hears of each step before it is taken.
///
/// # Errors
/// The step that failed; everything before it is done.
pub fn carry_out(journal: &mut Journal, rkeep: &Path, say: &mut dyn FnMut(&str)) -> Result<(), Failed> {
    let failed = |step: &str| {
        let step = step.to_owned();
        move |error| Failed { step, error }
    };
    let found = look(&journal.sites).map_err(failed("look around"))?;
    for Step { face, act } in plan(journal.heading, &found) {
        let Some(site) = journal.sites.iter().find(|site| site.face == face).cloned() else { continue };
        let text = act.describe(&site);
        journal.step = Some(text.clone());
        journal.write().map_err(failed("write the journal"))?;
        say(&text);
        perform(act, &site, journal, rkeep).map_err(failed(&text))?;
    }
    journal.step = None;
    let noted = match journal.heading {
        Heading::In => journal.write(),
        Heading::Out => Journal::remove(),
    };
    noted.map_err(failed("write the journal"))
}

/// The steps that lead to the journal's heading, a line each.
///
/// # Errors
/// Something cannot be looked at.
pub fn preview(journal: &Journal) -> io::Result<String> {
    let steps = plan(journal.heading, &look(&journal.sites)?);
    let site = |face| journal.sites.iter().find(|site| site.face == face);
    let lines = steps.iter().filter_map(|step| Some(format!("will {}\n", step.act.describe(site(step.face)?))));
    let text: String = lines.collect();
    Ok(if text.is_empty() { "nothing is left to be done\n".to_owned() } else { text })
}

/// How things stand, for people.
///
/// # Errors
/// Something cannot be looked at.
pub fn report(sites: &[Site], journal: Option<&Journal>) -> io::Result<String> {
    let mut text = String::new();
    for (site, found) in sites.iter().zip(look(sites)?) {
        text += &found.describe(site);
    }
    let state = match journal {
        None => "no swap has been begun".to_owned(),
        Some(Journal { step: None, .. }) => "swapped in; `rkeep swap-out` undoes it".to_owned(),
        Some(Journal { step: Some(step), heading, .. }) => {
            let command = if *heading == Heading::In { "swap-in" } else { "swap-out" };
            format!("interrupted, when it was to {step}: `rkeep {command}` goes on, the other one turns back")
        }
    };
    Ok(text + &state + "\n")
}

/// The virtual addresses that this machine has now.
///
/// # Errors
/// The configuration is refused; the machine's addresses cannot be read.
pub fn held(sites: &[Site]) -> io::Result<Vec<IpAddr>> {
    sites.iter().find(|site| site.face == Face::Keepalived).map_or(Ok(Vec::new()), keepalived::held)
}

fn perform(act: Act, site: &Site, journal: &Journal, rkeep: &Path) -> io::Result<()> {
    match act {
        Act::Divert => files::divert(site),
        Act::Keep => files::keep(site),
        Act::Install => files::install(site, rkeep),
        Act::Restore => files::restore(site),
        Act::Unkeep => files::unkeep(site),
        Act::Undivert => files::undivert(site),
        Act::TakeOver => match site.face {
            Face::Nginx => nginx::take_over(site, journal.heading.wanted()),
            Face::Keepalived => keepalived::take_over(site, journal.heading.wanted(), rkeep),
        },
        Act::Restart => found::restart(site),
        Act::Verify => verify::verify(site, &journal.held),
    }
}
