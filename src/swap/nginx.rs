//! nginx: one master hands its listening sockets to the other (USR2), and is told to go once that one serves.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rkeep_parsers::source::DiskLoader;

use super::found::{Running, in_foreground};
use super::process::{Whose, run, told, wait_for};
use super::site::{self, Face, Site, layout_of};
use super::verify;
use crate::host::nginx::Paths;
use crate::host::nginx::config::{self, Config, Context};
use crate::sys::process::{parent_of, signal};

/// How long a master may take to start, on however slow a machine.
const START: Duration = Duration::from_secs(30);

/// What the configuration says.
///
/// # Errors
/// It is refused; the text says why.
pub fn config(site: &Site) -> io::Result<Config> {
    let paths = Paths::new(layout_of(&site.path), None, Some(&site.conf), None, Path::new("/"));
    let reading = config::read(&Context::new(&paths, None), DiskLoader);
    let said = || reading.lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("; ");
    reading.config.ok_or_else(|| io::Error::other(format!("{} is refused: {}", site.conf.display(), said())))
}

/// The file that holds the master's id: where a configuration that is refused says nothing, the usual one.
pub fn pid_file(site: &Site) -> PathBuf {
    let layout = layout_of(&site.path);
    config(site).map_or_else(|_| Path::new(layout.prefix).join(layout.pid), |config| config.pid)
}

/// Both masters that there may be: the one in the pid file, and the one that has handed over to it.
struct Masters {
    current: Option<(i32, Whose)>,
    previous: Option<(i32, Whose)>,
}

fn pid_path(site: &Site) -> io::Result<&Path> {
    site.pid_files.first().map(|(path, _)| path.as_path()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn masters(site: &Site) -> io::Result<Masters> {
    let current = pid_path(site)?;
    let mut previous = current.as_os_str().to_owned();
    previous.push(".oldbin");
    Ok(Masters {
        current: site::running(current, Face::Nginx)?,
        previous: site::running(Path::new(&previous), Face::Nginx)?,
    })
}

/// What runs.
pub fn running(site: &Site) -> io::Result<Running> {
    Ok(match masters(site)? {
        Masters { current: Some((_, current)), previous: Some((_, previous)) } if current != previous => Running::Both,
        Masters { current: Some((pid, whose)), .. } if stays(pid, site) => in_foreground(pid, whose),
        Masters { current: Some((_, whose)), .. } => Running::Live(whose),
        Masters { current: None, .. } => Running::No,
    })
}

/// Whether the master was started with `daemon off`: then starting another is its supervisor's concern.
fn stays(pid: i32, site: &Site) -> bool {
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.contains("daemon off") || config(site).is_ok_and(|config| !config.plan.main.core.daemon)
}

/// Makes `wanted` the one that serves. The program of that kind lies at the path.
pub fn take_over(site: &Site, wanted: Whose) -> io::Result<()> {
    let accepts = |error| told(error, "the configuration is refused");
    run(Command::new(&site.path).args(["-t", "-q", "-c"]).arg(&site.conf)).map_err(accepts)?;
    let Masters { current, previous } = masters(site)?;
    match (current, previous) {
        (Some((_, whose)), None) if whose == wanted => Ok(()),
        (Some((_, whose)), Some((old, _))) if whose == wanted => retire(site, old),
        (Some((new, _)), Some((old, whose))) if whose == wanted => call_back(site, old, new),
        (Some((old, _)), None) => {
            hand_over(site, old, wanted)?;
            retire(site, old)
        }
        (Some((new, _)), Some((old, _))) => {
            let text = format!("nginx {old} has handed over to {new} and still serves: wait until it has ended");
            Err(io::Error::other(text))
        }
        (None, _) => Err(io::Error::other("nginx has ended meanwhile; start it")),
    }
}

/// The running master starts the program that now lies at its path, with its sockets. It would not while the one that has
/// started it is still ending.
fn hand_over(site: &Site, old: i32, wanted: Whose) -> io::Result<()> {
    let first = || Ok(!parent_of(old).is_some_and(is_master));
    wait_for(START, "the nginx master before the running one has ended", first)?;
    signal(old, libc::SIGUSR2)?;
    let took = || Ok(matches!(masters(site)?, Masters { current: Some((_, whose)), .. } if whose == wanted));
    wait_for(START, "the new nginx master has its pid file", took)?;
    let new = site::running(pid_path(site)?, Face::Nginx)?.map_or(0, |(pid, _)| pid);
    wait_for(START, "the new nginx master has a worker", || Ok(has_worker(new)))
}

/// The old master's workers finish what they have begun; the new ones alone answer, and are asked to before the old
/// master is told to go.
fn retire(site: &Site, old: i32) -> io::Result<()> {
    signal(old, libc::SIGWINCH)?;
    verify::listeners(site)?;
    signal(old, libc::SIGQUIT)
}

/// The master that has handed over takes its sockets back.
fn call_back(site: &Site, old: i32, new: i32) -> io::Result<()> {
    signal(old, libc::SIGHUP)?;
    wait_for(START, "the first nginx master has a worker again", || Ok(has_worker(old)))?;
    signal(new, libc::SIGQUIT)?;
    let back = || Ok(matches!(masters(site)?.current, Some((pid, _)) if pid == old));
    wait_for(START, "the first nginx master has its pid file again", back)
}

/// Whether a process is named as nginx's masters are.
fn is_master(pid: i32) -> bool {
    title(pid).starts_with("nginx: master process")
}

/// Whether a process has a child that is named as one of nginx's workers.
fn has_worker(master: i32) -> bool {
    let children = std::fs::read_to_string(format!("/proc/{master}/task/{master}/children")).unwrap_or_default();
    let mut children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    children.any(|pid| title(pid).trim_end_matches(['\0', ' ']) == "nginx: worker process")
}

/// What a process calls itself; empty when it has ended.
fn title(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}
