//! Files that hold a process's id.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file that holds this process's id, removed when dropped by the process that wrote it.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    owner: u32,
}

impl PidFile {
    /// Writes this process's id, replacing what is there.
    ///
    /// # Errors
    /// Those of opening and writing.
    pub fn create(path: &Path) -> io::Result<Self> {
        let owner = std::process::id();
        write(path, owner as i32)?;
        Ok(PidFile { path: path.to_owned(), owner })
    }

    /// Moves it, replacing what is there.
    ///
    /// # Errors
    /// Those of `rename`.
    pub fn rename(&mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.path = to.to_owned();
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Another program may have taken our place, and written its own id.
        if self.owner == std::process::id() && read(&self.path).is_ok_and(|pid| pid as u32 == self.owner) {
            // Somebody else may have removed it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes an id, replacing what is there.
///
/// # Errors
/// Those of opening and writing.
pub fn write(path: &Path, pid: i32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path)?;
    // Whatever the umask: others may know whom to signal.
    file.set_permissions(Permissions::from_mode(0o644))?;
    file.write_all(format!("{pid}\n").as_bytes())
}

/// The id that a file holds.
///
/// # Errors
/// Those of reading; `InvalidData` with the text that is no id.
pub fn read(path: &Path) -> io::Result<i32> {
    let text = fs::read_to_string(path)?;
    let number = text.trim_end_matches(['\n', '\r']);
    match number.parse() {
        Ok(pid) if pid > 0 => Ok(pid),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, number.to_owned())),
    }
}

/// Whether a file holds the id of a process that lives.
pub fn is_alive(path: &Path) -> bool {
    let Ok(pid) = read(path) else { return false };
    // Another user's process also lives.
    !matches!(crate::sys::process::signal(pid, 0), Err(error) if error.raw_os_error() == Some(libc::ESRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_as_long_as_its_process_wants() {
        let path = std::env::temp_dir().join(format!("rkeep-pid-{}", std::process::id()));
        let file = PidFile::create(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert_eq!(read(&path).unwrap(), std::process::id() as i32);
        assert!(is_alive(file.path()));
        drop(file);
        assert!(!is_alive(&path) && !path.exists());
    }

    #[test]
    fn what_is_no_id_is_shown() {
        let path = std::env::temp_dir().join(format!("rkeep-nopid-{}", std::process::id()));
        for text in ["", "-1\n", "12x\n", "0"] {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path).unwrap_err().to_string(), text.trim_end());
        }
        fs::remove_file(&path).unwrap();
    }
}
