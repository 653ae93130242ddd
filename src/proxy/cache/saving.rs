//! An answer on its way into a file: of the cache, or where `proxy_store` puts it. It becomes visible when it is
//! complete; one that is not leaves nothing.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rkeep_parsers::table::value::{Level, TempPath};

use super::key::Hash;
use super::lookup::Lookup;
use super::record::Record;
use super::zone::{Fetching, Zone};
use crate::proxy::client_body::TempFile;
use crate::proxy::request::RequestCtx;

/// A file that is being written.
#[derive(Debug)]
pub struct Saving {
    temp: TempFile,
    to: To,
    failed: bool,
    kept: bool,
}

/// Where it goes.
#[derive(Debug)]
enum To {
    Cache { zone: std::sync::Arc<Zone>, hash: Hash, _fetching: Option<Fetching> },
    Store { path: PathBuf, mode: u32, modified: Option<i64> },
}

impl Saving {
    /// Into the cache. None where the file cannot be made; the log says why.
    pub fn cache(cx: &RequestCtx, lookup: Lookup, record: &Record) -> Option<Saving> {
        let Lookup { zone, main, variant, fetching, .. } = lookup;
        // A variant of its own only beside another that depends on the same fields.
        let beside = variant.filter(|(vary, _)| *vary == record.vary && !vary.is_empty());
        let hash = beside.map_or(main, |(_, variant)| variant);
        let mut saving = match zone.conf.use_temp_path {
            true => Saving::begin(cx, &cx.conf().proxy.temp_path)?,
            false => Saving::beside(cx, &zone.path(hash))?,
        };
        saving.to = To::Cache { zone, hash, _fetching: fetching };
        saving.push(cx, &record.to_bytes());
        Some(saving)
    }

    /// To a path.
    pub fn store(cx: &RequestCtx, path: PathBuf, mode: u32, modified: Option<i64>) -> Option<Saving> {
        let mut saving = Saving::begin(cx, &cx.conf().proxy.temp_path)?;
        saving.to = To::Store { path, mode, modified };
        Some(saving)
    }

    fn begin(cx: &RequestCtx, place: &TempPath) -> Option<Saving> {
        let to = To::Store { path: PathBuf::new(), mode: 0o600, modified: None };
        match TempFile::create(place, true) {
            Ok(temp) => Some(Saving { temp, to, failed: false, kept: false }),
            Err((path, error)) => {
                cx.error_io(Level::Crit, &error, format_args!("open() \"{}\" failed", path.display()));
                None
            }
        }
    }

    /// In the directory of its final name: `HASH.0000000001`.
    fn beside(cx: &RequestCtx, path: &Path) -> Option<Saving> {
        let name = path.file_name()?.to_string_lossy();
        let dir = path.parent()?.to_owned();
        let mut saving = Saving::begin(cx, &TempPath { path: dir.clone(), levels: Vec::new() })?;
        let number = saving.temp.path.file_name()?.to_string_lossy();
        let better = dir.join(format!("{name}.{number}"));
        if fs::rename(&saving.temp.path, &better).is_ok() {
            saving.temp.path = better;
        }
        Some(saving)
    }

    /// Adds bytes.
    pub fn push(&mut self, cx: &RequestCtx, bytes: &[u8]) {
        if self.failed {
            return;
        }
        if let Err(error) = self.temp.write(bytes) {
            self.failed = true;
            cx.error_io(Level::Crit, &error, format_args!("write() \"{}\" failed", self.temp.path.display()));
        }
    }

    /// The answer is complete: the file goes where it belongs.
    pub fn keep(mut self, cx: &RequestCtx) {
        if self.failed {
            return;
        }
        let path = match &self.to {
            To::Cache { zone, hash, .. } => zone.path(*hash),
            To::Store { path, .. } => path.clone(),
        };
        if let Err(error) = self.settle(&path) {
            let from = self.temp.path.display();
            let text = format_args!("rename() \"{from}\" to \"{}\" failed", path.display());
            return cx.error_io(Level::Crit, &error, text);
        }
        self.kept = true;
        if let To::Cache { zone, hash, .. } = &self.to {
            zone.index.stored(*hash, self.temp.len);
        }
    }

    fn settle(&self, path: &Path) -> io::Result<()> {
        if let To::Store { mode, modified, .. } = &self.to {
            fs::set_permissions(&self.temp.path, fs::Permissions::from_mode(*mode))?;
            if let Some(at) = modified.and_then(|at| u64::try_from(at).ok()) {
                let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(at);
                self.temp.file.set_modified(time)?;
            }
        }
        match fs::rename(&self.temp.path, path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                path.parent().map_or(Ok(()), fs::create_dir_all)?;
                fs::rename(&self.temp.path, path)
            }
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => self.copy(path),
            done => done,
        }
    }

    /// To another file system: first beside the place, for only a rename shows a file whole.
    fn copy(&self, path: &Path) -> io::Result<()> {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(self.temp.path.file_name().unwrap_or_default());
        let beside = PathBuf::from(name);
        let moved = fs::copy(&self.temp.path, &beside).and_then(|_| fs::rename(&beside, path));
        if moved.is_err() {
            let _ = fs::remove_file(&beside);
        }
        let _ = fs::remove_file(&self.temp.path);
        moved
    }
}

impl Drop for Saving {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.temp.path);
        }
    }
}
