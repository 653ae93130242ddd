//! Where the bytes of files and the addresses of names come from.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::glob;

/// Where the bytes of files come from: the disk, a sealed bundle handed to a role, or a map in tests.
pub trait Loader {
    /// All bytes of a file, to be held once by all who need them.
    ///
    /// # Errors
    /// Those of opening and reading; their text is printed as the original prints `errno`.
    fn load(&self, path: &Path) -> io::Result<Arc<[u8]>>;

    /// The files a glob pattern names, sorted as `glob(3)` sorts them; a pattern without magic names itself.
    fn glob(&self, pattern: &Path) -> Vec<PathBuf>;

    /// Whether a user of this name exists; a loader that does not ask the system says so of all.
    fn knows_user(&self, user: &str) -> bool {
        let _ = user;
        true
    }

    /// Whether a group of this name exists.
    fn knows_group(&self, group: &str) -> bool {
        let _ = group;
        true
    }

    /// The addresses of a host name, asked once while the file is read. A bundle answers what the first reader saw.
    ///
    /// # Errors
    /// Those of the system's resolver.
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        (host, 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect())
    }
}

/// The disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiskLoader;

impl Loader for DiskLoader {
    fn load(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        std::fs::read(path).map(Arc::from)
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        glob::expand(pattern, |dir| {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        })
    }
}

/// Files and names in memory, for tests and for configurations that are built in.
#[derive(Clone, Debug, Default)]
pub struct MapLoader {
    /// Files by path.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Addresses by name; numeric addresses need no entry.
    pub hosts: BTreeMap<String, Vec<IpAddr>>,
}

impl MapLoader {
    /// With one more file.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path.into(), bytes.into());
        self
    }

    /// With one more name.
    #[must_use]
    pub fn host(mut self, name: &str, addresses: &[IpAddr]) -> Self {
        self.hosts.insert(name.to_owned(), addresses.to_vec());
        self
    }
}

impl Loader for MapLoader {
    fn load(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        self.files.get(path).map(|bytes| Arc::from(bytes.as_slice())).ok_or_else(|| io::Error::from_raw_os_error(2))
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        glob::expand(pattern, |dir| {
            let below = self.files.keys().filter_map(|path| path.strip_prefix(dir).ok());
            below.filter_map(|path| path.iter().next()).map(|name| name.to_string_lossy().into_owned()).collect()
        })
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        self.hosts.get(host).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}
