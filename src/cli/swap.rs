//! `rkeep swap-in`, `swap-out`, `swap-status`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::check;
use crate::swap::{self, Face, Heading, Journal, Lock, Site};

/// Put rkeep in the place of the nginx and keepalived of this machine, while they serve.
///
/// Both configurations are checked first; on an error nothing is changed. Originals that belong to packages are diverted
/// (dpkg-divert), others get a second name beside them. Then copies of rkeep take their places and take over from what
/// runs: nginx hands its sockets over, keepalived's virtual addresses stay where they are. If the listeners do not answer
/// afterwards, everything is put back. Run it again when it was interrupted. Only what is installed is replaced.
#[derive(Debug, Args)]
pub(super) struct In {
    /// nginx's configuration, where it is not the usual one
    #[arg(long, value_name = "FILE")]
    nginx_conf: Option<PathBuf>,
    /// keepalived's configuration, where it is not the usual one
    #[arg(long, value_name = "FILE")]
    keepalived_conf: Option<PathBuf>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Put the original nginx and keepalived back in their places, while rkeep serves.
///
/// The files are restored byte for byte, and diversions removed. It also undoes an interrupted swap-in, and goes on when
/// it was interrupted itself.
#[derive(Debug, Args)]
pub(super) struct Out {
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// Something is wrong with what was asked, or with the machine.
const REFUSED: u8 = 2;

/// Runs `swap-in`.
pub(super) fn swap_in(arguments: &In) -> ExitCode {
    ended((|| {
        let begun = Journal::read()?;
        let sites = match &begun {
            Some(journal) => journal.sites.clone(),
            None => sites(arguments.nginx_conf.as_deref(), arguments.keepalived_conf.as_deref())?,
        };
        check(&sites)?;
        let held = begun.map_or_else(|| swap::held(&sites), |journal| Ok(journal.held))?;
        go(&mut Journal { heading: Heading::In, sites, held, step: None }, arguments.dry_run)
    })())
}

/// Runs `swap-out`.
pub(super) fn swap_out(arguments: &Out) -> ExitCode {
    ended((|| {
        let mut journal = match Journal::read()? {
            Some(journal) => Journal { heading: Heading::Out, ..journal },
            None => Journal { heading: Heading::Out, sites: sites(None, None)?, held: Vec::new(), step: None },
        };
        go(&mut journal, arguments.dry_run)
    })())
}

/// Runs `swap-status`: what is where, and what is still to be done.
pub(super) fn status() -> ExitCode {
    ended((|| {
        let journal = Journal::read()?;
        let sites = match &journal {
            Some(journal) => journal.sites.clone(),
            None => sites(None, None)?,
        };
        print(&swap::report(&sites, journal.as_ref())?);
        Ok(ExitCode::SUCCESS)
    })())
}

fn ended(outcome: io::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("rkeep: {error}");
        ExitCode::from(REFUSED)
    })
}

fn print(text: &str) {
    // A reader that goes away early wants no more.
    let _ = io::stdout().write_all(text.as_bytes());
}

fn sites(nginx: Option<&Path>, keepalived: Option<&Path>) -> io::Result<Vec<Site>> {
    let conf = |face| if face == Face::Nginx { nginx } else { keepalived };
    Face::ALL.into_iter().filter_map(|face| Site::find(face, conf(face)).transpose()).collect()
}

/// Both configurations must be without errors.
fn check(sites: &[Site]) -> io::Result<()> {
    if sites.is_empty() {
        return Err(io::Error::other("neither nginx nor keepalived is installed here: there is nothing to replace"));
    }
    let conf = |face| sites.iter().find(|site| site.face == face).map(|site| site.conf.clone());
    match check::refusal(conf(Face::Nginx), conf(Face::Keepalived)) {
        None => Ok(()),
        Some(findings) => {
            print(&findings);
            Err(io::Error::other("nothing was changed: see to the errors above first"))
        }
    }
}

/// Shows every step, then takes them. What fails on the way in is put back.
fn go(journal: &mut Journal, dry_run: bool) -> io::Result<ExitCode> {
    let rkeep = std::env::current_exe()?;
    print(&swap::preview(journal)?);
    if dry_run {
        return Ok(ExitCode::SUCCESS);
    }
    if !rustix::process::geteuid().is_root() {
        return Err(io::Error::other("only root can do that"));
    }
    let _lock = Lock::take()?;
    let mut say = |text: &str| print(&format!("{text} …\n"));
    let Err(failed) = swap::carry_out(journal, &rkeep, &mut say) else {
        print(if journal.heading == Heading::In { "rkeep is in place\n" } else { "the originals are in place\n" });
        return Ok(ExitCode::SUCCESS);
    };
    eprintln!("rkeep: cannot {}: {}", failed.step, failed.error);
    if journal.heading == Heading::In {
        eprintln!("rkeep: putting everything back");
        journal.heading = Heading::Out;
        swap::carry_out(journal, &rkeep, &mut say).map_err(|failed| {
            io::Error::other(format!("cannot {}: {}; `rkeep swap-out` tries it again", failed.step, failed.error))
        })?;
        eprintln!("rkeep: the originals are in place as before");
    }
    Ok(ExitCode::FAILURE)
}
