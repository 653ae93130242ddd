//! The machine rkeep runs on, as far as judging a file needs it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Loopback, Machine, ScriptState};

/// This machine, in the network namespace of the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

impl Machine for ThisMachine {
    fn interface(&self, name: &str) -> Option<Loopback> {
        // Unlike /sys/class/net this always shows the namespace the process is in.
        let table = std::fs::read_to_string("/proc/self/net/dev").ok()?;
        let mut names = table.lines().filter_map(|line| Some(line.split_once(':')?.0.trim()));
        names.any(|known| known == name).then_some(Loopback(name == "lo"))
    }

    fn user(&self, user: &str, group: Option<&str>) -> bool {
        let listed = |file: &str, name: &str| {
            let table = std::fs::read_to_string(file).unwrap_or_default();
            table.lines().any(|line| line.split(':').next() == Some(name))
        };
        listed("/etc/passwd", user) && group.is_none_or(|group| listed("/etc/group", group))
    }

    fn script(&self, program: &str) -> ScriptState {
        let Some(path) = find(program) else { return ScriptState::Missing };
        match path.canonicalize().ok().map(|path| path.ancestors().all(only_root_writes)) {
            None => ScriptState::Missing,
            Some(true) => ScriptState::Secure,
            Some(false) => ScriptState::Insecure,
        }
    }

    fn host_name(&self) -> String {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        name.trim().to_owned()
    }
}

/// An executable file: by its path, else in the usual directories.
fn find(program: &str) -> Option<PathBuf> {
    let executable =
        |path: &PathBuf| path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0);
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(executable);
    }
    let dirs = std::env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/sbin:/bin".into());
    std::env::split_paths(&dirs).map(|dir| dir.join(program)).find(executable)
}

/// Whether nobody but root may change a file or directory.
fn only_root_writes(path: &Path) -> bool {
    let sticky = 0o1000;
    path.metadata().is_ok_and(|found| {
        let mode = found.mode();
        found.uid() == 0 && (mode & 0o022 == 0 || (found.is_dir() && mode & sticky != 0))
    })
}
