//! Reads an operator's files as they would be read on his box: names that only his network knows get addresses, what lies
//! in `/etc/nginx` there is looked for beside the file here, and all that was read is kept.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rkeep_parsers::source::{DiskLoader, Loader};

use crate::rehearse::cluster::article::MIME_TYPES;

/// Names get addresses from here on: a range that RFC 2544 sets aside for tests.
const INVENTED: [u8; 2] = [198, 18];

/// The loader.
#[derive(Debug)]
pub struct SimLoader {
    /// Where a file is on his box, and the directory that holds it here.
    placed: (PathBuf, PathBuf),
    /// Files that are read instead of those on the disk.
    made: BTreeMap<PathBuf, Vec<u8>>,
    /// Whether what is missing is empty, to see what that is.
    lenient: bool,
    seen: RefCell<Seen>,
}

/// What has been read.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Files by their path on his box.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Names and the addresses they got.
    pub names: BTreeMap<String, Ipv4Addr>,
    /// What a lenient loader did not find.
    pub missing: BTreeSet<PathBuf>,
    /// What was put in place of something that is not here, in words.
    pub remarks: Vec<String>,
}

impl SimLoader {
    /// A loader for files whose directory on his box, `there`, is `here` on this machine.
    pub fn new(there: &Path, here: &Path) -> SimLoader {
        let placed = (there.to_owned(), here.to_owned());
        SimLoader { placed, made: BTreeMap::new(), lenient: false, seen: RefCell::default() }
    }

    /// One for which what cannot be read is empty.
    pub fn lenient(self) -> SimLoader {
        SimLoader { lenient: true, ..self }
    }

    /// One that has these files, whatever is on the disk.
    pub fn having(self, made: BTreeMap<PathBuf, Vec<u8>>) -> SimLoader {
        SimLoader { made, ..self }
    }

    /// Names that are known from other files.
    pub fn knowing(self, names: &BTreeMap<String, Ipv4Addr>) -> SimLoader {
        self.seen.borrow_mut().names.clone_from(names);
        self
    }

    /// All that was read.
    pub fn seen(self) -> Seen {
        self.seen.into_inner()
    }

    /// Where a file of his box may be found here.
    fn here(&self, path: &Path) -> PathBuf {
        let (there, here) = &self.placed;
        match path.strip_prefix(there) {
            Ok(below) => here.join(below),
            Err(_) => path.to_owned(),
        }
    }
}

impl Loader for SimLoader {
    fn load(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        if let Some(made) = self.made.get(path) {
            self.seen.borrow_mut().files.insert(path.to_owned(), made.clone());
            return Ok(made.as_slice().into());
        }
        let is_types = path.file_name().is_some_and(|name| name == "mime.types");
        let found = DiskLoader.load(&self.here(path)).or_else(|error| match is_types {
            true => {
                self.seen.borrow_mut().remarks.push(format!("{} is not here; nginx's own is used", path.display()));
                Ok(MIME_TYPES.as_bytes().into())
            }
            false if self.lenient => {
                self.seen.borrow_mut().missing.insert(path.to_owned());
                Ok(Arc::default())
            }
            false => Err(error),
        })?;
        self.seen.borrow_mut().files.insert(path.to_owned(), found.to_vec());
        Ok(found)
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let (there, here) = &self.placed;
        let back = |path: PathBuf| path.strip_prefix(here).map_or(path.clone(), |below| there.join(below));
        DiskLoader.glob(&self.here(pattern)).into_iter().map(back).collect()
    }

    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        if host == "localhost" {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let names = &mut self.seen.borrow_mut().names;
        let [a, b] = INVENTED;
        let next = names.len() as u8;
        Ok(vec![(*names.entry(host.to_owned()).or_insert(Ipv4Addr::new(a, b, 1, next.saturating_add(1)))).into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gets_one_address_and_a_number_keeps_its_own() {
        let loader = SimLoader::new(Path::new("/etc/nginx"), Path::new("/nowhere"));
        let first = loader.resolve("app.internal").unwrap();
        assert_eq!(first, [IpAddr::from([198, 18, 1, 1])]);
        assert_eq!(loader.resolve("other.internal").unwrap(), [IpAddr::from([198, 18, 1, 2])]);
        assert_eq!(loader.resolve("app.internal").unwrap(), first);
        assert_eq!(loader.resolve("10.0.0.7").unwrap(), [IpAddr::from([10, 0, 0, 7])]);
    }

    #[test]
    fn nginxs_types_stand_in_for_those_that_are_not_here() {
        let loader = SimLoader::new(Path::new("/etc/nginx"), Path::new("/nowhere"));
        assert!(loader.load(Path::new("/etc/nginx/mime.types")).is_ok());
        assert!(loader.load(Path::new("/etc/nginx/other.conf")).is_err());
        let seen = loader.seen();
        assert!(seen.files.contains_key(Path::new("/etc/nginx/mime.types")) && seen.remarks.len() == 1);
    }
}
