//! keepalived: rkeep starts beside the original, takes up what it is master of, and only then the original is ended, at
//! once and without its farewell (priority 0): the addresses stay where they are. The other way round the original is
//! started as soon as rkeep has said farewell, so that the peer serves meanwhile.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rkeep_parsers::ir::vrrp::Router;
use rkeep_parsers::source::DiskLoader;

use super::found::Running;
use super::process::{Whose, run, told, wait_for, whose};
use super::site::{Face, Site};
use super::verify::{addresses, has_all};
use crate::host::keepalived::TAKE_UP;
use crate::host::keepalived::config::{self, node_name};
use crate::sys::process::signal;

/// How long a parent may take to start, on however slow a machine.
const START: Duration = Duration::from_secs(30);

/// How long both run side by side before the old one is ended.
const SETTLE: Duration = Duration::from_millis(1500);

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
        if state != 'Z' {
            let whose = whose(Path::new(&format!("/proc/{pid}/exe")), Face::Keepalived)?;
            all.push(Process { pid, parent, whose });
        }
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
    let one = |pids: &[i32], whose| match pids.iter().any(|pid| in_foreground(*pid)) {
        true => Running::Foreground(whose),
        false => Running::Live(whose),
    };
    Ok(match (originals.is_empty(), ours.is_empty()) {
        (true, true) => Running::No,
        (false, false) => Running::Both,
        (false, true) => one(&originals, Whose::Original),
        (true, false) => one(&ours, Whose::Rkeep),
    })
}

/// The words that a process was started with.
fn words(pid: i32) -> Vec<String> {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split_terminator('\0').map(str::to_owned).collect()
}

/// Whether it was told not to go to the background: then starting another is its supervisor's concern.
fn in_foreground(pid: i32) -> bool {
    let words = words(pid);
    let told =
        |word: &String| word == "--dont-fork" || word.starts_with('-') && !word.starts_with("--") && word.contains('n');
    words.iter().skip(1).any(told)
}

/// Makes `wanted` the one that runs. The program of that kind lies at the path.
pub fn take_over(site: &Site, wanted: Whose, held: &[IpAddr]) -> io::Result<()> {
    let accepts = |error| told(error, "the configuration is refused");
    run(Command::new(&site.path).arg("-t").arg("-f").arg(&site.conf)).map_err(accepts)?;
    let all = processes()?;
    let (old, new): (Vec<_>, Vec<_>) = all.iter().partition(|process| process.whose != wanted);
    let parent = parents(&all, if wanted == Whose::Rkeep { Whose::Original } else { Whose::Rkeep });
    match (parent.first(), new.is_empty(), wanted) {
        (None, true, _) => Err(io::Error::other("keepalived has ended meanwhile; start it")),
        (None, false, _) => Ok(()),
        (Some(&old), true, Whose::Original) => follow(site, old),
        (Some(&parent), true, Whose::Rkeep) => {
            start_beside(site, parent, held)?;
            end(&old)
        }
        (Some(_), false, Whose::Rkeep) => end(&old),
        // The original was never stopped: it has its ids back, and those who stood beside it end.
        (Some(_), false, Whose::Original) => {
            end(&old)?;
            give_back(&site.pid_files)
        }
    }
}

/// Starts rkeep as the original was started, beside it.
fn start_beside(site: &Site, parent: i32, held: &[IpAddr]) -> io::Result<()> {
    let words = words(parent);
    let mut command = Command::new(&site.path);
    command.arg0(words.first().map_or("keepalived", String::as_str)).args(words.get(1..).unwrap_or_default());
    command.env(TAKE_UP, format!("{parent} {}", names_of(site, held)?)).stdin(Stdio::null());
    run(&mut command)?;
    let runs = || Ok(!parents(&processes()?, Whose::Rkeep).is_empty());
    wait_for(START, "rkeep's keepalived runs", runs)?;
    // A speaker that cannot run ends within this time, and its parent with it.
    std::thread::sleep(SETTLE);
    match runs()? && has_all(held)? {
        true => Ok(()),
        false => Err(io::Error::other("rkeep's keepalived ended again, or let an address go")),
    }
}

/// The instances that are master here, as their addresses show.
fn names_of(site: &Site, held: &[IpAddr]) -> io::Result<String> {
    let routers = routers(site)?;
    let master = |router: &&Router| {
        let mut own = router.addresses.iter().map(|address| address.address).peekable();
        own.peek().is_some() && own.all(|address| held.contains(&address))
    };
    Ok(routers.iter().filter(master).map(|router| router.name.as_str()).collect::<Vec<_>>().join(" "))
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

/// Stops rkeep and starts the original when it has ended. A shell of its own sees to both, so that they happen together
/// whatever becomes of this process.
fn follow(site: &Site, old: i32) -> io::Result<()> {
    let words = words(old);
    let script = "kill -TERM \"$1\"; while kill -0 \"$1\" 2>/dev/null; do sleep 0.02; done; shift; exec \"$@\"";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, "sh", &old.to_string()]).arg(&site.path).args(words.get(1..).unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // A group of its own: a Ctrl-C at the terminal is not for it.
    run(command.process_group(0))?;
    let runs = || Ok(!parents(&processes()?, Whose::Original).is_empty());
    wait_for(START, "keepalived runs", runs)
}

/// Writes pid files as they were.
fn give_back(files: &[(PathBuf, Option<String>)]) -> io::Result<()> {
    files
        .iter()
        .filter_map(|(path, text)| Some((path, text.as_ref()?)))
        .try_for_each(|(path, text)| fs::write(path, text))
}
