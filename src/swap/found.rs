//! How things stand: whose program lies at a path, whose is running, what is kept beside it.

use std::io;
use std::path::Path;
use std::process::Command;

use super::process::{Whose, run, whose};
use super::{Face, Site, keepalived, nginx};

/// How a running program can be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Running {
    /// Nothing runs.
    No,
    /// A process of this program runs, and can hand over to another.
    Live(Whose),
    /// Two programs run: a take-over has begun and is not finished.
    Both,
    /// A unit of systemd runs it in the foreground: systemd must replace it.
    Unit(Whose, String),
    /// It runs in the foreground of somebody else who would start it again: whoever that is must.
    Foreground(Whose),
}

/// How things stand at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which program.
    pub face: Face,
    /// Whose program lies at the path.
    pub at_path: Whose,
    /// Whether the original is kept beside it.
    pub kept: bool,
    /// Whether a package owns the path.
    pub packaged: bool,
    /// Whether the package's file is diverted to where the original is kept.
    pub diverted: bool,
    /// What runs.
    pub running: Running,
}

impl Found {
    /// How it stands, for people.
    pub fn describe(&self, site: &Site) -> String {
        let name = |whose| if whose == Whose::Rkeep { "rkeep" } else { "the original" };
        let kept = if self.kept { format!(", the original is kept as {}", site.kept.display()) } else { String::new() };
        let diverted = if self.diverted { ", the package's file is diverted" } else { "" };
        let running = match &self.running {
            Running::No => "nothing runs".to_owned(),
            Running::Live(whose) => format!("{} runs", name(*whose)),
            Running::Both => "both run: a take-over has begun".to_owned(),
            Running::Unit(whose, unit) => format!("{} runs as {unit}", name(*whose)),
            Running::Foreground(whose) => {
                format!("{} runs in the foreground of its supervisor: restart it there", name(*whose))
            }
        };
        format!("{}: {} lies there{kept}{diverted}; {running}\n", site.path.display(), name(self.at_path))
    }
}

/// Looks at all places.
///
/// # Errors
/// Something cannot be asked, or somebody else has diverted a path.
pub fn look(sites: &[Site]) -> io::Result<Vec<Found>> {
    sites.iter().map(found).collect()
}

fn found(site: &Site) -> io::Result<Found> {
    Ok(Found {
        face: site.face,
        at_path: whose(&site.path, site.face)?,
        kept: site.kept.exists(),
        packaged: site.package.is_some(),
        diverted: site.package.is_some() && is_diverted(site)?,
        running: match site.face {
            Face::Nginx => nginx::running(site)?,
            Face::Keepalived => keepalived::running(site)?,
        },
    })
}

/// A process that stays in the foreground: of whom?
pub fn in_foreground(pid: i32, whose: Whose) -> Running {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    match unit(&groups).filter(|_| Path::new("/run/systemd/system").exists()) {
        Some(unit) => Running::Unit(whose, unit.to_owned()),
        None => Running::Foreground(whose),
    }
}

/// The systemd service in `/proc/PID/cgroup`.
fn unit(groups: &str) -> Option<&str> {
    groups.lines().filter_map(|line| line.rsplit('/').next()).find(|name| name.ends_with(".service"))
}

/// Has systemd start the program that lies at the path now.
///
/// # Errors
/// It does not run as a unit, or that cannot be restarted.
pub fn restart(site: &Site) -> io::Result<()> {
    match found(site)?.running {
        Running::Unit(_, unit) => run(Command::new("systemctl").arg("restart").arg(unit)),
        other => Err(io::Error::other(format!("it does not run as a unit of systemd any more: {other:?}"))),
    }
}

/// Whether `dpkg-divert` leads the package's file to where the original is kept.
fn is_diverted(site: &Site) -> io::Result<bool> {
    let ask = |option: &str| -> io::Result<String> {
        let output = Command::new("dpkg-divert").arg(option).arg(&site.path).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    };
    let (by, to) = (ask("--listpackage")?, ask("--truename")?);
    match (by.as_str(), Path::new(&to)) {
        ("", _) => Ok(false),
        ("LOCAL", to) if to == site.kept => Ok(true),
        (by, to) => {
            let text = format!("{} is diverted already, by {by} to {}", site.path.display(), to.display());
            Err(io::Error::other(text + ": remove that diversion first (dpkg-divert --remove)"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_told_by_its_group() {
        assert_eq!(unit("0::/system.slice/keepalived.service\n"), Some("keepalived.service"));
        assert_eq!(unit("0::/user.slice/user-0.slice/session-1.scope\n"), None);
    }
}
