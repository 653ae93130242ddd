//! The files of a configuration that the master opens: logs, and directories of temporary files.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rkeep_parsers::table::value::{Level, LogTarget};

use super::sockets::Failed;
use crate::log::nginx::{Files, Log, with_errno};
use crate::plan::ProxyPlan;

/// The paths of all logs with a fixed name.
pub fn log_paths(plan: &ProxyPlan) -> BTreeSet<PathBuf> {
    let mut paths = BTreeSet::new();
    let mut add = |target: &LogTarget| {
        if let LogTarget::File(path) = target {
            paths.insert(path.clone());
        }
    };
    plan.main.core.error_log.iter().for_each(|log| add(&log.target));
    for location in plan.locations.values() {
        location.conf.core.error_log.iter().for_each(|log| add(&log.target));
        location.conf.log.access_log.0.iter().for_each(|log| add(&log.target));
    }
    paths
}

/// Opens a log for appending.
///
/// # Errors
/// Those of `open`.
pub fn open_log(path: &Path) -> io::Result<Arc<File>> {
    OpenOptions::new().append(true).create(true).mode(0o644).open(path).map(Arc::new)
}

/// Opens all logs.
///
/// # Errors
/// When one cannot be opened; the log says which and why.
pub fn open_logs(paths: &BTreeSet<PathBuf>, log: &Log) -> Result<Files, Failed> {
    let open = |path: &PathBuf| match open_log(path) {
        Ok(file) => Ok((path.clone(), file)),
        Err(error) => {
            log.write(Level::Emerg, &with_errno(&format!("open() \"{}\" failed", path.display()), &error));
            Err(Failed)
        }
    };
    paths.iter().map(open).collect()
}

/// Opens all logs anew, for the worker's user, after somebody has moved them away. One that cannot be opened stays as
/// it is, and the log says so.
pub fn reopen_logs(files: &Files, owner: Option<u32>, log: &Log) -> Files {
    let reopen = |(path, old): (&PathBuf, &Arc<File>)| {
        let file = open_log(path).and_then(|file| give_file(&file, owner).map(|()| file));
        let file = file.unwrap_or_else(|error| {
            log.write(Level::Emerg, &with_errno(&format!("open() \"{}\" failed", path.display()), &error));
            old.clone()
        });
        (path.clone(), file)
    };
    files.iter().map(reopen).collect()
}

fn give_file(file: &File, owner: Option<u32>) -> io::Result<()> {
    let Some(owner) = owner else { return Ok(()) };
    let meta = file.metadata()?;
    if meta.uid() != owner {
        rustix::fs::fchown(file, Some(rustix::fs::Uid::from_raw(owner)), None)?;
    }
    if meta.mode() & 0o600 != 0o600 {
        file.set_permissions(Permissions::from_mode(meta.mode() & 0o7777 | 0o600))?;
    }
    Ok(())
}

/// The directories of temporary files and caches.
pub fn temp_paths(plan: &ProxyPlan) -> BTreeSet<&Path> {
    let locations = plan.locations.values();
    let dirs = locations.flat_map(|place| [&place.conf.core.client_body_temp_path, &place.conf.proxy.temp_path]);
    let caches = plan.caches.iter().map(|cache| cache.path.as_path());
    dirs.map(|dir| dir.path.as_path()).chain(caches).filter(|dir| dir.is_absolute()).collect()
}

/// Makes the directories of temporary files and caches, for the worker's user.
///
/// # Errors
/// When one cannot be made; the log says which and why.
pub fn create_temp_dirs(plan: &ProxyPlan, owner: Option<u32>, log: &Log) -> Result<(), Failed> {
    for dir in temp_paths(plan) {
        create_dir(dir, owner).map_err(|(call, error)| {
            log.write(Level::Emerg, &with_errno(&format!("{call}() \"{}\" failed", dir.display()), &error));
            Failed
        })?;
    }
    Ok(())
}

fn create_dir(dir: &Path, owner: Option<u32>) -> Result<(), (&'static str, io::Error)> {
    match std::fs::DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(("mkdir", error)),
        _ => {}
    }
    let Some(owner) = owner else { return Ok(()) };
    let meta = std::fs::metadata(dir).map_err(|error| ("stat", error))?;
    if meta.uid() != owner {
        chown(dir, Some(owner), None).map_err(|error| ("chown", error))?;
    }
    if meta.mode() & 0o700 != 0o700 {
        let mode = Permissions::from_mode(meta.mode() & 0o7777 | 0o700);
        std::fs::set_permissions(dir, mode).map_err(|error| ("chmod", error))?;
    }
    Ok(())
}
