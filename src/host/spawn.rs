//! Starting the other processes of ours: the same program again, told its role and its link by the environment.
//! Never a bare fork: the child begins clean, whatever threads and locks its parent has.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::FdFlags;

use crate::bus::Role;
use crate::bus::wire::Link;
use crate::sys::process;

/// The variable that names the role.
const ROLE: &str = "RKEEP_ROLE";
/// The variable that names the descriptor of the link.
const LINK: &str = "RKEEP_LINK";

/// A child that has been started.
#[derive(Debug)]
pub struct Child {
    /// Its id.
    pub pid: i32,
    /// Our end of the link.
    pub link: Link,
}

/// How a child looks from outside.
#[derive(Clone, Debug, Default)]
pub struct Looks {
    /// `argv[0]`, what `ps` shows first.
    pub title: OsString,
    /// The rest of the command line.
    pub args: Vec<OsString>,
    /// The environment, none to hand down ours.
    pub env: Option<Vec<(OsString, OsString)>>,
}

/// Starts a child.
///
/// # Errors
/// Those of making the link and starting the process.
pub fn spawn(role: Role, looks: &Looks) -> io::Result<Child> {
    let (ours, theirs) = Link::pair()?;
    let theirs = OwnedFd::from(theirs);
    let mut command = Command::new("/proc/self/exe");
    command.arg0(&looks.title).args(&looks.args);
    if let Some(env) = &looks.env {
        command.env_clear().envs(env.iter().map(|(name, value)| (name, value)));
    }
    command.env(ROLE, word(role)).env(LINK, theirs.as_raw_fd().to_string()).env_remove("NGINX");
    // Only this one descriptor goes over to the child; there is no other thread that could start one meanwhile.
    rustix::io::fcntl_setfd(&theirs, FdFlags::empty())?;
    let child = command.spawn()?;
    Ok(Child { pid: child.id() as i32, link: ours })
}

/// What the environment says this process is, if a parent of ours has started it.
///
/// # Errors
/// When the link it names is not there.
pub fn inherited_role() -> Option<io::Result<(Role, Link)>> {
    let role = std::env::var_os(ROLE).as_deref().and_then(OsStr::to_str).and_then(role)?;
    let fd = std::env::var(LINK).ok().and_then(|fd| fd.parse().ok()).unwrap_or(-1);
    Some(process::inherited(fd).map(|fd| (role, Link::from_fd(fd))))
}

const WORDS: [(Role, &str); 4] =
    [(Role::Worker, "worker"), (Role::Vrrp, "vrrp"), (Role::Checkers, "checkers"), (Role::Agent, "agent")];

fn word(role: Role) -> &'static str {
    WORDS.iter().find(|(known, _)| *known == role).map_or("", |(_, word)| word)
}

fn role(word: &str) -> Option<Role> {
    WORDS.iter().find(|(_, known)| *known == word).map(|(role, _)| *role)
}
