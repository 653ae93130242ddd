//! A program's place on this machine: where it lies, where its original is kept, whose it is.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::process::{Whose, whose_process};
use crate::host::nginx::layout::{self, Layout};
use crate::host::pidfile;

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Face {
    /// nginx
    Nginx,
    /// keepalived
    Keepalived,
}

impl Face {
    /// Both.
    pub const ALL: [Face; 2] = [Face::Nginx, Face::Keepalived];

    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Face::Nginx => "nginx",
            Face::Keepalived => "keepalived",
        }
    }

    /// Where it may lie.
    fn places(self) -> &'static [&'static str] {
        match self {
            Face::Nginx => &["/usr/sbin/nginx", "/usr/local/nginx/sbin/nginx", "/usr/local/sbin/nginx"],
            Face::Keepalived => &["/usr/sbin/keepalived", "/usr/local/sbin/keepalived"],
        }
    }
}

/// A program's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Which program.
    pub face: Face,
    /// Where it lies.
    pub path: PathBuf,
    /// Where the original is kept while rkeep lies there.
    pub kept: PathBuf,
    /// The package that the original belongs to.
    pub package: Option<String>,
    /// Its configuration.
    pub conf: PathBuf,
    /// Files with ids of its processes, and what they held at the beginning.
    pub pid_files: Vec<(PathBuf, Option<String>)>,
}

impl Site {
    /// The place of a program that is installed; none when it is not. `conf` is its configuration where it is not the
    /// one that the program reads by itself.
    ///
    /// # Errors
    /// `dpkg` cannot be asked.
    pub fn find(face: Face, conf: Option<&Path>) -> io::Result<Option<Site>> {
        let Some(path) = face.places().iter().map(PathBuf::from).find(|path| path.is_file()) else { return Ok(None) };
        let package = package(&path)?;
        let mut kept = path.clone().into_os_string();
        kept.push(if package.is_some() { ".distrib" } else { ".orig" });
        let conf = conf.map_or_else(|| own_conf(face, &path), Path::to_owned);
        let mut site = Site { face, path, kept: kept.into(), package, conf, pid_files: Vec::new() };
        let files = match face {
            Face::Nginx => vec![super::nginx::pid_file(&site)],
            Face::Keepalived => ["/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid"].map(PathBuf::from).into(),
        };
        site.pid_files = files.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).ok())).collect();
        Ok(Some(site))
    }

    /// The process that the first pid file names, and whose program it runs.
    ///
    /// # Errors
    /// Its program cannot be asked.
    pub fn running(&self) -> io::Result<Option<(i32, Whose)>> {
        self.pid_files.first().map_or(Ok(None), |(path, _)| running(path, self.face))
    }
}

/// The living process that a pid file names, and whose program it runs.
///
/// # Errors
/// Its program cannot be asked.
pub fn running(pid_file: &Path, face: Face) -> io::Result<Option<(i32, Whose)>> {
    // A file that goes, or is only being written, names nobody.
    let Ok(pid) = pidfile::read(pid_file) else { return Ok(None) };
    // A number that has been given to another program since says nothing.
    match std::fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) if name.trim_end() == face.name() => Ok(whose_process(pid, face)?.map(|whose| (pid, whose))),
        _ => Ok(None),
    }
}

fn own_conf(face: Face, path: &Path) -> PathBuf {
    let layout = Layout::choose(path, false, Path::exists);
    match face {
        Face::Nginx => Path::new(layout.prefix).join(layout.conf),
        Face::Keepalived => "/etc/keepalived/keepalived.conf".into(),
    }
}

/// The layout of nginx at this path.
pub fn layout_of(path: &Path) -> &'static Layout {
    layout::Layout::choose(path, false, Path::exists)
}

/// The package that owns a file; none where there is no dpkg.
fn package(path: &Path) -> io::Result<Option<String>> {
    let output = match Command::new("dpkg-query").arg("--search").arg(path).output() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        output => output?,
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let owners = text.lines().filter(|line| !line.starts_with("diversion by") && !line.starts_with("local diversion"));
    Ok(owners.filter_map(|line| line.split_once(": ")).map(|(owner, _)| owner.to_owned()).next())
}
