//! keepalived: rkeep starts beside the original and takes its place (`keepalived --take-over`); the other way round rkeep
//! hands over to the original (`rkeep hand-over`). Either way the addresses stay where they are.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rkeep_parsers::ir::vrrp::Router;
use rkeep_parsers::source::DiskLoader;

use super::found::{Running, in_foreground};
use super::process::{Whose, run, told, wait_for, whose_process};
use super::site::{Face, Site};
use super::verify::addresses;
use crate::host::keepalived::config::{self, node_name};
use crate::sys::process::signal;

/// How long a parent may take to start, on however slow a machine.
const START: Duration = Duration::from_secs(30);

/// A keepalived process of this box.
#[derive(Clone, Copy, Debug)]
struct Process {
    pid: i32,
    parent: i32,
    whose: Whose,
}

/// The parents among the processes of one kind.
fn parents(all: &[Process], of: Whose) -> Vec<i32> {
    let is_child = |process: &Process| all.iter().any(|other| other.pid == process.parent);
    all.iter().filter(|process| process.whose == of && !is_child(process)).map(|process| process.pid).collect()
}

/// All keepalived processes that live in this box: other network namespaces have their own.
fn processes() -> io::Result<Vec<Process>> {
    let space = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let here = space("self");
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(pid) = name.parse() else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((state, parent)) = fields(&stat).filter(|_| stat.contains("(keepalived)") && space(&name) == here)
        else {
            continue;
        };
        // One that has ended and was not waited for has no program.
        if state == 'Z' {
            continue;
        }
        let whose = whose_process(pid, Face::Keepalived)?;
        all.extend(whose.map(|whose| Process { pid, parent, whose }));
    }
    Ok(all)
}

/// State and parent in a line of `/proc/PID/stat`.
fn fields(stat: &str) -> Option<(char, i32)> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let mut words = rest.split(' ');
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

/// What runs.
pub fn running(_: &Site) -> io::Result<Running> {
    let all = processes()?;
    let (originals, ours) = (parents(&all, Whose::Original), parents(&all, Whose::Rkeep));
    let one = |pids: &[i32], whose| match pids.iter().find(|pid| stays(**pid)) {
        Some(pid) => in_foreground(*pid, whose),
        None => Running::Live(whose),
    };
    Ok(match (originals.is_empty(), ours.is_empty()) {
        (true, true) => Running::No,
        (false, false) => Running::Both,
        (false, true) => one(&originals, Whose::Original),
        (true, false) => one(&ours, Whose::Rkeep),
    })
}

/// By this rkeep is told whose place to take.
const TAKE_OVER: &str = "--take-over=";

/// The words that a process was started with, but for the one that is of that start alone.
fn words(pid: i32) -> Vec<String> {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split_terminator('\0').filter(|word| !word.starts_with(TAKE_OVER)).map(str::to_owned).collect()
}

/// Whether it was told not to go to the background: then starting another is its supervisor's concern.
fn stays(pid: i32) -> bool {
    let words = words(pid);
    let told =
        |word: &String| word == "--dont-fork" || word.starts_with('-') && !word.starts_with("--") && word.contains('n');
    words.iter().skip(1).any(told)
}

/// Makes `wanted` the one that runs. The program of that kind lies at the path; `rkeep` is ours.
pub fn take_over(site: &Site, wanted: Whose, rkeep: &Path) -> io::Result<()> {
    let accepts = |error| told(error, "the configuration is refused");
    run(Command::new(&site.path).arg("-t").arg("-f").arg(&site.conf)).map_err(accepts)?;
    let all = processes()?;
    let (new, old): (Vec<_>, Vec<_>) = all.iter().partition(|process| process.whose == wanted);
    match (old.is_empty(), new.is_empty()) {
        (true, true) => Err(io::Error::other("keepalived has ended meanwhile; start it")),
        (true, false) => Ok(()),
        (false, true) => replace(site, wanted, rkeep, &all),
        // A take-over was interrupted, or is to be undone.
        (false, false) => {
            end(&old)?;
            give_back(&site.pid_files, &new)
        }
    }
}

/// Starts the one beside the other as that was started, and waits until it stands alone.
fn replace(site: &Site, wanted: Whose, rkeep: &Path, all: &[Process]) -> io::Result<()> {
    let other = if wanted == Whose::Rkeep { Whose::Original } else { Whose::Rkeep };
    let Some(&parent) = parents(all, other).first() else { return Err(io::ErrorKind::NotFound.into()) };
    let words = words(parent);
    let rest = words.get(1..).unwrap_or_default();
    let mut command = match wanted {
        Whose::Rkeep => Command::new(&site.path),
        Whose::Original => Command::new(rkeep),
    };
    match wanted {
        Whose::Rkeep => command.args(rest).arg(format!("{TAKE_OVER}{parent}")),
        Whose::Original => command.args(["hand-over", "--"]).arg(&site.path).args(rest),
    };
    // A group of its own: a Ctrl-C at the terminal is not for it.
    run(command.stdin(Stdio::null()).process_group(0))?;
    wait_for(START, "only the new keepalived runs", || {
        let all = processes()?;
        Ok(parents(&all, other).is_empty() && !parents(&all, wanted).is_empty())
    })
}

fn routers(site: &Site) -> io::Result<Vec<Router>> {
    let mode = rkeep_parsers::keepalived::Mode::Check { own: true };
    let loaded = config::read(&site.conf, &node_name(), &DiskLoader, mode);
    let refused = || io::Error::other(format!("{} is refused", site.conf.display()));
    Ok(loaded.ir.ok_or_else(refused)?.routers.values().cloned().collect())
}

/// The virtual addresses of the configuration that this machine has now.
///
/// # Errors
/// The configuration is refused; the machine's addresses cannot be read.
pub fn held(site: &Site) -> io::Result<Vec<IpAddr>> {
    let routers = routers(site)?;
    let ours = addresses()?;
    let all = routers.iter().flat_map(|router| router.addresses.iter().chain(&router.excluded));
    Ok(all.map(|address| address.address).filter(|address| ours.contains(address)).collect())
}

/// Ends processes all at once: first they are frozen, so that none of them says farewell for another.
fn end(processes: &[&Process]) -> io::Result<()> {
    for number in [libc::SIGSTOP, libc::SIGKILL] {
        for process in processes {
            match signal(process.pid, number) {
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(error),
                _ => {}
            }
        }
    }
    let pids: Vec<_> = processes.iter().map(|process| process.pid).collect();
    wait_for(START, "the other keepalived has ended", || Ok(pids.iter().all(|pid| has_ended(*pid))))
}

fn has_ended(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.map_or(true, |stat| fields(&stat).is_none_or(|(state, _)| state == 'Z'))
}

/// Writes pid files as they were, where they name one of these.
fn give_back(files: &[(PathBuf, Option<String>)], to: &[&Process]) -> io::Result<()> {
    let theirs = |text: &str| text.trim().parse().is_ok_and(|pid: i32| to.iter().any(|process| process.pid == pid));
    let kept = files.iter().filter_map(|(path, text)| Some((path, text.as_deref().filter(|text| theirs(text))?)));
    kept.into_iter().try_for_each(|(path, text)| fs::write(path, text))
}
