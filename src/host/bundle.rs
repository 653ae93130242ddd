//! Everything a configuration was read from, kept so that a child process reads exactly the same: files with their
//! bytes (or the error of opening them), what glob patterns named, what host names resolved to. It travels in a sealed
//! memory file.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rkeep_parsers::source::Loader;
use rustix::fs::{MemfdFlags, SealFlags};

/// The most a bundle may hold: beyond any configuration, and small enough for a mistake to do no harm.
const LARGEST: u64 = 256 << 20;

/// What was read. As a [`Loader`] it answers as the first reader was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    files: BTreeMap<PathBuf, Result<Arc<[u8]>, i32>>,
    globs: BTreeMap<PathBuf, Vec<PathBuf>>,
    hosts: BTreeMap<String, Vec<IpAddr>>,
}

impl Bundle {
    /// The files that could be read, with their bytes.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().filter_map(|(path, bytes)| Some((path.as_path(), bytes.as_deref().ok()?)))
    }

    /// Adds a file.
    pub fn insert(&mut self, path: PathBuf, bytes: Arc<[u8]>) {
        self.files.insert(path, Ok(bytes));
    }

    /// Writes the bundle to a memory file that nobody can change any more.
    ///
    /// # Errors
    /// Those of making, writing and sealing it.
    pub fn seal(&self) -> io::Result<OwnedFd> {
        seal(&self.encode())
    }

    /// Reads the bundle that another process has sealed.
    ///
    /// # Errors
    /// Those of reading, and `InvalidData` for what no [`Bundle::seal`] has written.
    pub fn open(fd: OwnedFd) -> io::Result<Self> {
        Self::decode(&unseal(fd)?).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (path, bytes) in &self.files {
            let path = path.as_os_str().as_bytes();
            match bytes {
                Ok(bytes) => record(&mut out, b'f', [path, bytes].into_iter()),
                Err(errno) => record(&mut out, b'e', [path, errno.to_string().as_bytes()].into_iter()),
            }
        }
        for (pattern, paths) in &self.globs {
            let paths = std::iter::once(pattern).chain(paths).map(|path| path.as_os_str().as_bytes());
            record(&mut out, b'g', paths);
        }
        for (host, addresses) in &self.hosts {
            let addresses: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            let parts = std::iter::once(host).chain(&addresses).map(String::as_bytes);
            record(&mut out, b'h', parts);
        }
        out
    }

    fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut bundle = Bundle::default();
        while let Some((&tag, rest)) = bytes.split_first() {
            bytes = rest;
            let parts = parts(&mut bytes)?;
            bundle.take(tag, parts)?;
        }
        Some(bundle)
    }

    fn take(&mut self, tag: u8, parts: Vec<&[u8]>) -> Option<()> {
        let (&name, values) = parts.split_first()?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        match tag {
            b'f' => drop(self.files.insert(path(name), Ok(Arc::from(*values.first()?)))),
            b'e' => drop(self.files.insert(path(name), Err(text(values.first()?)?.parse().ok()?))),
            b'g' => drop(self.globs.insert(path(name), values.iter().map(|value| path(value)).collect())),
            b'h' => {
                let addresses: Option<_> = values.iter().map(|value| text(value)?.parse().ok()).collect();
                self.hosts.insert(text(name)?, addresses?);
            }
            _ => return None,
        }
        Some(())
    }
}

impl Loader for Bundle {
    fn load(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        match self.files.get(path) {
            Some(Ok(bytes)) => Ok(bytes.clone()),
            Some(Err(errno)) => Err(io::Error::from_raw_os_error(*errno)),
            None => Err(io::Error::from_raw_os_error(libc::ENOENT)),
        }
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        self.globs.get(pattern).cloned().unwrap_or_default()
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.hosts.get(host).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A loader that keeps every answer.
#[derive(Debug, Default)]
pub struct Recorder<L> {
    inner: L,
    bundle: RefCell<Bundle>,
}

impl<L: Loader> Recorder<L> {
    /// Records what `inner` answers.
    pub fn new(inner: L) -> Self {
        Recorder { inner, bundle: RefCell::default() }
    }

    /// What has been recorded.
    pub fn finish(self) -> Bundle {
        self.bundle.into_inner()
    }
}

impl<L: Loader> Loader for Recorder<L> {
    fn load(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        let answer = self.inner.load(path);
        let kept = match &answer {
            Ok(bytes) => Ok(bytes.clone()),
            Err(error) => Err(error.raw_os_error().unwrap_or(libc::EIO)),
        };
        self.bundle.borrow_mut().files.insert(path.to_owned(), kept);
        answer
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let answer = self.inner.glob(pattern);
        self.bundle.borrow_mut().globs.insert(pattern.to_owned(), answer.clone());
        answer
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let answer = self.inner.resolve(host)?;
        self.bundle.borrow_mut().hosts.insert(host.to_owned(), answer.clone());
        Ok(answer)
    }

    fn knows_user(&self, user: &str) -> bool {
        crate::sys::process::user_by_name(user).is_some()
    }

    fn knows_group(&self, group: &str) -> bool {
        crate::sys::process::group_by_name(group).is_some()
    }
}

/// Puts bytes into a memory file that nobody can change any more.
///
/// # Errors
/// Those of making, writing and sealing it.
pub fn seal(bytes: &[u8]) -> io::Result<OwnedFd> {
    let fd = rustix::fs::memfd_create("rkeep", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(fd);
    file.write_all(bytes)?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

/// The bytes of a memory file.
///
/// # Errors
/// Those of reading; `InvalidData` for more than any configuration has.
pub fn unseal(fd: OwnedFd) -> io::Result<Vec<u8>> {
    let file = File::from(fd);
    let len = file.metadata()?.len();
    if len > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    // All children are handed the same open file, so its position is not ours: others read at the same time.
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsString::from_vec(bytes.to_vec()))
}

/// Writes a record: its tag, how many parts, and each part after its length.
fn record<'a>(out: &mut Vec<u8>, tag: u8, parts: impl Iterator<Item = &'a [u8]>) {
    let parts: Vec<&[u8]> = parts.collect();
    out.push(tag);
    out.extend((parts.len() as u32).to_le_bytes());
    for part in parts {
        out.extend((part.len() as u32).to_le_bytes());
        out.extend(part);
    }
}

fn parts<'a>(bytes: &mut &'a [u8]) -> Option<Vec<&'a [u8]>> {
    let count = number(bytes)?;
    (0..count).map(|_| part(bytes)).collect()
}

fn part<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = number(bytes)? as usize;
    let (part, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(part)
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rkeep_parsers::source::MapLoader;

    fn recorded() -> Bundle {
        let disk = MapLoader::default().file("/a/x.conf", "one").file("/a/y.conf", vec![0, 255, b'\n']);
        let disk = disk.host("web", &["192.0.2.1".parse().unwrap(), "::1".parse().unwrap()]);
        let recorder = Recorder::new(disk);
        assert_eq!(recorder.glob(Path::new("/a/*.conf")).len(), 2);
        assert_eq!(recorder.load(Path::new("/a/x.conf")).unwrap()[..], *b"one");
        assert_eq!(recorder.load(Path::new("/a/y.conf")).unwrap()[..], [0, 255, b'\n']);
        assert!(recorder.load(Path::new("/a/none")).is_err());
        assert_eq!(recorder.resolve("web").unwrap().len(), 2);
        recorder.finish()
    }

    #[test]
    fn several_read_the_same_file_at_once() {
        let bytes: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        let fd = seal(&bytes).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        assert!(unseal(fd.try_clone().unwrap()).unwrap() == bytes);
                    }
                });
            }
        });
    }

    #[test]
    fn a_sealed_bundle_answers_as_the_disk_did() {
        let bundle = recorded();
        let copy = Bundle::open(bundle.seal().unwrap()).unwrap();
        assert_eq!(copy, bundle);
        assert_eq!(copy.load(Path::new("/a/x.conf")).unwrap()[..], *b"one");
        assert_eq!(copy.load(Path::new("/a/none")).unwrap_err().raw_os_error(), Some(libc::ENOENT));
        assert_eq!(copy.glob(Path::new("/a/*.conf")).len(), 2);
        assert_eq!(copy.resolve("web").unwrap().len(), 2);
        assert!(copy.resolve("other").is_err());
    }

    #[test]
    fn a_sealed_file_cannot_be_written() {
        let fd = recorded().seal().unwrap();
        assert!(File::from(fd).write_all(b"x").is_err());
    }

    #[test]
    fn bytes_cut_short_are_refused_everywhere() {
        let whole = recorded().encode();
        let ends: usize = (0..whole.len()).filter(|&end| Bundle::decode(&whole[..end]).is_some()).count();
        // Only the ends of records, the empty bundle among them, are bundles.
        assert_eq!(ends, 5);
        assert!(Bundle::decode(b"z\0\0\0\0").is_none());
        assert!(Bundle::decode(b"f\xff\xff\xff\xff").is_none());
    }
}
