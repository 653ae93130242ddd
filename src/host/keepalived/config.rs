//! keepalived's configuration as parent and children read it: from the disk, or from the bundle that the parent sealed.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rkeep_parsers::ir::Ir;
use rkeep_parsers::lower::Loaded;
use rkeep_parsers::lower::keepalived::{self, Loopback, Machine, Mode, Pass, Script, legacy_lines};
use rkeep_parsers::source::{DiskLoader, Loader};
use tracing::info;

use crate::agent::security;
use crate::bus::Role;
use crate::host::bundle::{Bundle, Recorder};
use crate::host::control::Reading;
use crate::sys::process::{group_by_name, user_by_name};

/// The node's name up to its first dot: what `@ID` lines are compared with.
pub fn node_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Reads the files from the disk and keeps all that was read.
pub fn read_disk(pattern: &Path, config_id: &str, mode: Mode) -> (Loaded, Bundle) {
    let recorder = Recorder::new(DiskLoader);
    let loaded = read(pattern, config_id, &recorder, mode);
    (loaded, recorder.finish())
}

/// Reads the files.
pub fn read(pattern: &Path, config_id: &str, loader: &dyn Loader, mode: Mode) -> Loaded {
    keepalived::load(pattern, config_id, loader, &ThisMachine, mode)
}

/// Reads the files as a parent that runs will read them: each of its processes must be able to run by them.
///
/// # Errors
/// What is wrong.
pub fn reread(reading: &Reading) -> Result<Bundle, Vec<String>> {
    for pass in [Pass::Vrrp, Pass::Checkers] {
        let (loaded, _) = read_disk(&reading.conf, &reading.config_id, Mode::Run(pass));
        if loaded.ir.is_none() {
            return Err(legacy_lines(&loaded.diagnostics).map(str::to_owned).collect());
        }
    }
    let (_, bundle) = read_disk(&reading.conf, &reading.config_id, Mode::Run(Pass::Parent));
    let empty = bundle.files().next().is_none();
    if empty { Err(vec![format!("{} cannot be read", reading.conf.display())]) } else { Ok(bundle) }
}

/// What the process of a role reads; it logs what keepalived's process of this kind would. None when it would exit.
pub fn read_for(role: Role, pattern: &Path, config_id: &str, loader: &dyn Loader) -> Option<Ir> {
    let loaded = read(pattern, config_id, loader, Mode::Run(pass(role)));
    if role != Role::Agent {
        legacy_lines(&loaded.diagnostics).for_each(|line| info!("{line}"));
    }
    loaded.ir
}

fn pass(role: Role) -> Pass {
    match role {
        Role::Vrrp => Pass::Vrrp,
        Role::Checkers => Pass::Checkers,
        _ => Pass::Parent,
    }
}

/// This machine as it is now.
#[derive(Clone, Copy, Debug)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    fn interface(&self, name: &str) -> Option<Loopback> {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
        rustix::net::netdevice::name_to_index(&socket, name).ok()?;
        Some(Loopback(name == "lo"))
    }

    fn user(&self, user: &str, group: Option<&str>) -> bool {
        user_by_name(user).is_some() && group.is_none_or(|group| group_by_name(group).is_some())
    }

    fn is_macvlan(&self, name: &str) -> bool {
        Path::new("/sys/class/net").join(name).join("macvlan").exists()
    }

    fn keeps_to_owner(&self, path: &str) -> bool {
        std::fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o077 == 0)
    }

    fn script(&self, program: &str) -> Script {
        let Some(path) = looked_up(program) else { return Script::Missing };
        let path = path.as_path();
        let Ok(meta) = std::fs::metadata(path) else { return Script::Missing };
        if !meta.is_file() || meta.permissions().mode() & 0o111 == 0 {
            return Script::Missing;
        }
        match path.ancestors().all(only_root_may_change) {
            true if path.ancestors().skip(1).any(Path::is_symlink) => Script::ThroughLink,
            true => Script::Secure,
            false => Script::Insecure,
        }
    }

    fn mend(&self, program: &str) -> Option<String> {
        security::mend(program)
    }

    fn host_name(&self) -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }
}

/// Where a program lies: in the usual directories unless its name has a slash.
fn looked_up(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    let usual = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    usual.iter().map(|dir| Path::new(dir).join(program)).find(|path| path.is_file())
}

/// Whether nobody but root can write to a file or directory, or replace what is in it.
fn only_root_may_change(path: &Path) -> bool {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::fs::symlink_metadata(path).is_ok_and(|meta| {
        let sticky_dir = meta.is_dir() && meta.mode() & 0o1000 != 0;
        meta.uid() == 0 && (meta.is_symlink() || sticky_dir || meta.mode() & 0o022 == 0)
    })
}
