//! What was begun, on disk before it is: so that a run that was killed can be finished or undone.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::process::told;
use super::{Heading, Site};

const DIRECTORY: &str = "/var/lib/rkeep";
const FILE: &str = "/var/lib/rkeep/swap.json";
const FRESH: &str = "/var/lib/rkeep/swap.json.new";

/// What was begun. It stays while rkeep is in the originals' places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// Where to.
    pub heading: Heading,
    /// The programs' places.
    pub sites: Vec<Site>,
    /// The virtual addresses that this machine had at the beginning.
    pub held: Vec<IpAddr>,
    /// The step that was begun last; none when all are done.
    pub step: Option<String>,
}

impl Journal {
    /// The journal of this machine, if there is one.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn read() -> io::Result<Option<Journal>> {
        match fs::read(FILE) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| told(error.into(), FILE)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told(error, FILE)),
        }
    }

    /// Writes it so that after a crash of the machine there is either the old one or this.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write(&self) -> io::Result<()> {
        let mut file = File::create(FRESH)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.sync_all()?;
        fs::rename(FRESH, FILE)?;
        sync_directory(Path::new(FILE))
    }

    /// Removes it.
    ///
    /// # Errors
    /// Those of removing.
    pub fn remove() -> io::Result<()> {
        for file in [FRESH, FILE] {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        sync_directory(Path::new(FILE))
    }
}

/// Makes a change of a file's name last.
///
/// # Errors
/// Those of `fsync`.
pub fn sync_directory(of: &Path) -> io::Result<()> {
    File::open(of.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Held by the one run that may change something.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "it is held by being open")] File);

impl Lock {
    /// Takes it.
    ///
    /// # Errors
    /// Another run holds it; the directory cannot be made.
    pub fn take() -> io::Result<Lock> {
        fs::create_dir_all(DIRECTORY)?;
        let directory = File::open(DIRECTORY)?;
        match flock(&directory, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Lock(directory)),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(io::Error::other("another rkeep swap is under way")),
            Err(error) => Err(error.into()),
        }
    }
}
