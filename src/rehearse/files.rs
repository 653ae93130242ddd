//! A node's private files: what daemons write to is fresh and empty in every node, the rest is the machine's own.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_bind, mount_bind_recursive, mount_change};

/// Where the private directories are put together before they cover the machine's. It is covered last, by itself.
const STAGE: &str = "/run";

/// Directories that are fresh in every node, with their modes.
const FRESH: [(&str, u32); 3] = [("/tmp", 0o1777), ("/var", 0o755), ("/run", 0o755)];

/// What daemons expect to find in the fresh ones.
const MADE: [&str; 7] =
    ["/run/lock", "/var/log/nginx", "/var/lib/nginx", "/var/spool", "/var/tmp", "/var/cache", "/var/mail"];

/// A program placed in a node.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The executable on this machine.
    pub from: PathBuf,
    /// Its absolute path in the node.
    pub to: PathBuf,
}

/// Covers what a node must not share with the machine. The calling thread must already have mounts of its own.
///
/// `/etc` shows the machine's entries but is a directory of its own, with `hosts` as given; `/usr/local`, `/run`,
/// `/tmp` and `/var` start empty. Programs are bound to their places, under any path whose directory is the node's
/// own, or over an existing file.
pub(super) fn make_private(hosts: &str, programs: &[Placed]) -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    tmpfs(STAGE, 0o755)?;
    stage_etc(hosts)?;
    stage_programs(programs)?;
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
        if !["hosts", "keepalived", "nginx"].iter().any(|own| name == *own) {
            symlink(link, etc.join(&name))?;
        }
    }
    mount_bind_recursive("/etc", etc.join(".machine"))?;
    fs::create_dir(etc.join("keepalived"))?;
    fs::create_dir(etc.join("nginx"))?;
    fs::write(etc.join("hosts"), hosts)
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
