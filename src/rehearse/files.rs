//! A node's private files: what daemons write to is fresh and empty in every node, the rest is the machine's own.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_bind_recursive, mount_change, unmount,
};

use super::subject::alone;

/// Where the private directories are put together before they cover the machine's. It is covered last, by itself.
const STAGE: &str = "/run";

/// Directories that are fresh in every node, with their modes.
const FRESH: [(&str, u32); 3] = [("/tmp", 0o1777), ("/var", 0o755), ("/run", 0o755)];

/// Where the machine's own `/etc` can be found.
const MACHINE: &str = "/etc/.machine";

/// What daemons expect to find in the fresh ones.
const MADE: [&str; 7] =
    ["/run/lock", "/var/log/nginx", "/var/lib/nginx", "/var/spool", "/var/tmp", "/var/cache", "/var/mail"];

/// The trees of a node that are its own.
const OWN: [&str; 5] = ["/etc", "/usr/local", "/tmp", "/var", "/run"];

/// Where files lie that cover the machine's.
const FILES: &str = "/run/.files";

/// The user of those that the machine does not know.
const NOBODY: u32 = 65_534;

/// A program placed in a node.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The executable on this machine.
    pub from: PathBuf,
    /// Its absolute path in the node.
    pub to: PathBuf,
}

/// What a node has of its own.
#[derive(Clone, Debug, Default)]
pub struct Furnishing {
    /// `/etc/hosts`
    pub hosts: String,
    /// Programs in their places.
    pub programs: Vec<Placed>,
    /// Users that exist there, with groups of the same names, whether the machine knows them or not.
    pub users: Vec<String>,
    /// Directories that exist there and are empty, whatever the machine has in their place.
    pub directories: Vec<PathBuf>,
    /// Files, whatever the machine has in their place; the machine's own stay as they are.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
}

/// Covers what a node must not share with the machine. The calling thread must already have mounts of its own.
///
/// `/etc` shows the machine's entries but is a directory of its own, with `hosts` as given; `/usr/local`, `/run`,
/// `/tmp` and `/var` start empty. Programs are bound to their places, under any path whose directory is the node's
/// own, or over an existing file.
pub(super) fn make_private(furnishing: &Furnishing) -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    if furnishing.directories.iter().chain(furnishing.files.keys()).any(|path| lacks_root(path)) {
        replace_root()?;
    }
    tmpfs(STAGE, 0o755)?;
    stage_etc(&furnishing.hosts)?;
    stage_users(&furnishing.users)?;
    stage_programs(&furnishing.programs)?;
    for path in ["/etc", "/usr/local"] {
        mount_bind_recursive(staged(path), path)?;
    }
    for (path, mode) in FRESH {
        tmpfs(path, mode)?;
    }
    for path in MADE {
        fs::create_dir_all(path)?;
    }
    symlink("/run", "/var/run")?;
    furnishing.directories.iter().try_for_each(|path| provide(path))?;
    fs::create_dir_all(FILES)?;
    for (number, (path, bytes)) in furnishing.files.iter().enumerate() {
        place(number, path, bytes).map_err(|error| told(&error, path))?;
    }
    std::env::set_current_dir("/")
}

fn tmpfs(path: &str, mode: u32) -> io::Result<()> {
    let options = CString::new(format!("mode={mode:o}"))?;
    Ok(mount("tmpfs", path, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, options.as_c_str())?)
}

fn staged(path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    Path::new(STAGE).join(path.strip_prefix("/").unwrap_or(path))
}

/// `/etc` as links to the machine's own, which stays reachable as `/etc/.machine`.
fn stage_etc(hosts: &str) -> io::Result<()> {
    let etc = staged("/etc");
    fs::create_dir_all(etc.join(".machine"))?;
    for entry in fs::read_dir("/etc")? {
        let name = entry?.file_name();
        let from = Path::new("/etc").join(&name);
        let link = fs::read_link(&from).unwrap_or_else(|_| Path::new(".machine").join(&name));
        if !["hosts", "passwd", "group", "keepalived", "nginx"].iter().any(|own| name == *own) {
            symlink(link, etc.join(&name))?;
        }
    }
    mount_bind_recursive("/etc", etc.join(".machine"))?;
    fs::create_dir(etc.join("keepalived"))?;
    fs::create_dir(etc.join("nginx"))?;
    fs::write(etc.join("hosts"), hosts)
}

/// The machine's users and groups, and these. In a user namespace nobody but root exists, so there they all are root.
fn stage_users(users: &[String]) -> io::Result<()> {
    for (file, rest) in [("passwd", ":0::/:/bin/false"), ("group", ":")] {
        let known = fs::read_to_string(Path::new("/etc").join(file)).unwrap_or_default();
        let name = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
        let kept = known.lines().filter(|line| !alone() || !users.contains(&name(line)));
        let mut text: String = kept.map(|line| format!("{line}\n")).collect();
        let id = if alone() { 0 } else { NOBODY };
        for user in users.iter().filter(|user| alone() || !known.lines().any(|line| name(line) == **user)) {
            text += &format!("{user}:x:{id}{rest}\n");
        }
        fs::write(staged("/etc").join(file), text)?;
    }
    Ok(())
}

/// Whether a directory could only be made in `/` itself.
fn lacks_root(path: &Path) -> bool {
    let first: PathBuf = path.components().take(2).collect();
    !first.exists()
}

/// Puts a directory of our own in the place of `/`, with all the machine's entries in it.
fn replace_root() -> io::Result<()> {
    tmpfs(STAGE, 0o755)?;
    shadow(Path::new("/"), Path::new(STAGE))?;
    std::env::set_current_dir(STAGE)?;
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")
}

/// Makes a directory that is empty and the node's own.
fn provide(path: &Path) -> io::Result<()> {
    if OWN.iter().any(|own| path.starts_with(own)) {
        return fs::create_dir_all(path);
    }
    if !path.exists() {
        make_room(path)?;
    }
    fs::create_dir_all(path)?;
    tmpfs(path.to_str().ok_or(io::ErrorKind::InvalidFilename)?, 0o755)
}

/// Puts a file of the node's own in its place. Never writes to one of the machine's, whatever links lead to it.
fn place(number: usize, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() {
        let own = Path::new(FILES).join(number.to_string());
        fs::write(&own, bytes)?;
        return Ok(mount_bind(own, path)?);
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    if !directory.exists() || !is_own(&directory.canonicalize()?) {
        make_room(path)?;
    }
    fs::create_dir_all(directory)?;
    fs::write(path, bytes)
}

fn told(error: &io::Error, path: &Path) -> io::Error {
    io::Error::other(format!("a box cannot have its own {}: {error}", path.display()))
}

/// Whether what lies there is the node's own.
fn is_own(path: &Path) -> bool {
    OWN.iter().any(|own| path.starts_with(own)) && !path.starts_with(MACHINE)
}

/// Makes the directory that something is to be made in the node's own.
fn make_room(path: &Path) -> io::Result<()> {
    let there = path.ancestors().skip(1).find(|path| path.exists()).unwrap_or(Path::new("/")).canonicalize()?;
    if is_own(&there) || there == Path::new("/") {
        return Ok(());
    }
    cover(&there)
}

/// Puts a directory of our own in the place of one of the machine's, with all its entries in it.
fn cover(path: &Path) -> io::Result<()> {
    let copy = Path::new("/run/.cover");
    fs::create_dir_all(copy)?;
    tmpfs("/run/.cover", 0o755)?;
    shadow(path, copy)?;
    mount_bind_recursive(copy, path)?;
    Ok(unmount(copy, UnmountFlags::DETACH)?)
}

/// Shows every entry of a directory in another: links as they are, everything else bound. Of one that is not ours to
/// read a box shows nothing.
fn shadow(from: &Path, to: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let (old, new, kind) = (entry.path(), to.join(entry.file_name()), entry.file_type()?);
        if old == Path::new(STAGE) {
            fs::create_dir(new)?;
        } else if kind.is_symlink() {
            symlink(fs::read_link(old)?, new)?;
        } else if kind.is_dir() {
            fs::create_dir(&new)?;
            mount_bind_recursive(old, new)?;
        } else {
            fs::write(&new, "")?;
            mount_bind(old, new)?;
        }
    }
    Ok(())
}

fn stage_programs(programs: &[Placed]) -> io::Result<()> {
    for directory in ["bin", "sbin", "lib", "share", "nginx/sbin", "nginx/conf", "nginx/logs", "nginx/html"] {
        fs::create_dir_all(staged("/usr/local").join(directory))?;
    }
    for program in programs {
        let to = if program.to.starts_with("/usr/local") { staged(&program.to) } else { program.to.clone() };
        if !to.exists() {
            fs::write(&to, "")?;
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755))?;
        }
        mount_bind(&program.from, &to)?;
    }
    Ok(())
}
