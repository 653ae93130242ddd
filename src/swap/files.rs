//! The files: a path always names a whole program, because names are only ever renamed over.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Site;
use super::journal::sync_directory;
use super::process::{run, told};

/// Upgrades of the package go to where the original is kept. No file is moved: for a moment there would be none.
pub fn divert(site: &Site) -> io::Result<()> {
    let mut command = Command::new("dpkg-divert");
    run(command.args(["--local", "--no-rename", "--divert"]).arg(&site.kept).arg("--add").arg(&site.path))
}

/// Takes the diversion back.
pub fn undivert(site: &Site) -> io::Result<()> {
    let mut command = Command::new("dpkg-divert");
    run(command.args(["--local", "--no-rename", "--divert"]).arg(&site.kept).arg("--remove").arg(&site.path))
}

/// Gives the original a second name.
pub fn keep(site: &Site) -> io::Result<()> {
    fs::hard_link(&site.path, &site.kept).map_err(|error| about(error, &site.kept))?;
    sync_directory(&site.kept)
}

/// Puts a copy of rkeep in place: a file of its own, so that `pidof` and `start-stop-daemon` can tell the two apart.
pub fn install(site: &Site, rkeep: &Path) -> io::Result<()> {
    let fresh = beside(&site.path);
    fs::copy(rkeep, &fresh).map_err(|error| about(error, &fresh))?;
    fs::set_permissions(&fresh, Permissions::from_mode(0o755))?;
    File::open(&fresh)?.sync_all()?;
    put(&fresh, &site.path)
}

/// Puts the original back, the very file.
pub fn restore(site: &Site) -> io::Result<()> {
    let again = beside(&site.path);
    match fs::remove_file(&again) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(about(error, &again)),
        _ => {}
    }
    fs::hard_link(&site.kept, &again).map_err(|error| about(error, &again))?;
    put(&again, &site.path)
}

/// Takes the original's second name away; only while it is the file at the path.
pub fn unkeep(site: &Site) -> io::Result<()> {
    let (at_path, kept) = (fs::metadata(&site.path)?, fs::metadata(&site.kept)?);
    if (at_path.dev(), at_path.ino()) != (kept.dev(), kept.ino()) && fs::read(&site.path)? != fs::read(&site.kept)? {
        let (path, kept) = (site.path.display(), site.kept.display());
        return Err(io::Error::other(format!("{path} is not what is kept as {kept}: see to it by hand")));
    }
    fs::remove_file(&site.kept)?;
    // A run that was killed may have left its half-made file.
    let _ = fs::remove_file(beside(&site.path));
    sync_directory(&site.path)
}

/// A name beside a path, for what is to become the path.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".rkeep-new");
    name.into()
}

fn put(fresh: &Path, path: &Path) -> io::Result<()> {
    fs::rename(fresh, path).map_err(|error| about(error, path))?;
    // Two names of one file stay as they are when one is renamed to the other.
    let _ = fs::remove_file(fresh);
    sync_directory(path)
}

fn about(error: io::Error, path: &Path) -> io::Error {
    told(error, &path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swap::Face;

    #[test]
    fn in_and_out_leaves_the_very_file() {
        let directory = std::env::temp_dir().join(format!("rkeep-swap-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (path, kept, rkeep) = (directory.join("nginx"), directory.join("nginx.orig"), directory.join("rkeep"));
        fs::write(&path, "original").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o750)).unwrap();
        fs::write(&rkeep, "rkeep").unwrap();
        let before = fs::metadata(&path).unwrap();
        let conf = "/".into();
        let site = Site { face: Face::Nginx, path, kept, package: None, conf, pid_files: Vec::new() };
        keep(&site).unwrap();
        for _ in 0..2 {
            install(&site, &rkeep).unwrap();
        }
        assert_eq!(fs::read_to_string(&site.path).unwrap(), "rkeep");
        assert!(unkeep(&site).is_err(), "the original would be lost");
        for _ in 0..2 {
            restore(&site).unwrap();
        }
        unkeep(&site).unwrap();
        let after = fs::metadata(&site.path).unwrap();
        assert_eq!((after.ino(), after.mode(), after.mtime()), (before.ino(), before.mode(), before.mtime()));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 2);
        fs::remove_dir_all(&directory).unwrap();
    }
}
