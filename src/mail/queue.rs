//! Mails that wait, one file each, so that none is lost while the mail server is away or this program restarts.
//!
//! A file is written whole and to disk before it gets its name, and removed once the server has taken the mail. Whoever
//! sends it holds a lock on it, so that two agents on one spool never send it twice.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FlockOperation, flock};

use super::compose::Mail;
use crate::sys::process::make_dir;

/// So many mails wait at most; beyond it the oldest go.
pub const MOST: usize = 1000;

/// A mail that could not be sent for so long is of no use any more.
pub const OLDEST: Duration = Duration::from_secs(5 * 86_400);

/// No mail of ours is longer; a longer file is not read.
const LONGEST: u64 = 1 << 20;

const SUFFIX: &str = ".mail";

/// Directories for mails, the lasting one first.
pub const PLACES: [&str; 2] = ["/var/spool/rkeep", "/run/rkeep/spool"];

/// How many mails wait in the usual directories.
pub fn waiting() -> usize {
    PLACES.iter().map(|place| Spool { dir: place.into() }.waiting().len()).sum()
}

/// A directory of mails.
#[derive(Clone, Debug)]
pub struct Spool {
    dir: PathBuf,
}

/// A waiting mail that is ours to send until dropped.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    /// Its lock is what holds the claim.
    _file: File,
    /// The mail.
    pub mail: Mail,
}

impl Spool {
    /// The first of `places` that can be written to.
    ///
    /// # Errors
    /// Of the last place, when none can.
    pub fn open(places: &[&Path]) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for place in places {
            match Spool::at(place) {
                Ok(spool) => return Ok(spool),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn at(dir: &Path) -> io::Result<Self> {
        make_dir(dir, 0o700)?;
        let meta = fs::symlink_metadata(dir)?;
        let mine = meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o022 == 0;
        if !mine {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let probe = dir.join(format!(".probe-{}", std::process::id()));
        File::create(&probe)?;
        fs::remove_file(&probe)?;
        Ok(Spool { dir: dir.to_owned() })
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keeps a mail. When it returns, the mail is on disk.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn put(&self, mail: &Mail) -> io::Result<()> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{now:018}-{}-{count}", std::process::id());
        let hidden = self.dir.join(format!(".{name}"));
        let written = write_synced(&hidden, mail).and_then(|()| fs::rename(&hidden, self.dir.join(name + SUFFIX)));
        if written.is_err() {
            // What remains hidden is never taken for a mail.
            let _ = fs::remove_file(&hidden);
        }
        written?;
        File::open(&self.dir)?.sync_all()
    }

    /// The waiting mails' files, the oldest first.
    pub fn waiting(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_mail(path)).collect();
        files.sort();
        files
    }

    /// Removes those that are too old or too many; their names.
    pub fn trim(&self, now: SystemTime) -> Vec<PathBuf> {
        let waiting = self.waiting();
        let surplus = waiting.len().saturating_sub(MOST);
        let outdated = |path: &Path| age(path, now).is_some_and(|age| age > OLDEST);
        let doomed = waiting.into_iter().enumerate().filter(|(at, path)| *at < surplus || outdated(path));
        doomed.map(|(_, path)| path).filter(|path| fs::remove_file(path).is_ok()).collect()
    }

    /// Takes a mail to send it, unless somebody else does. What cannot be read as a mail is put aside as `….bad`.
    pub fn claim(&self, path: &Path) -> Option<Claim> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(path).ok()?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
        // Whoever held the lock before may have sent and removed it.
        let same = fs::symlink_metadata(path).ok()?.ino() == file.metadata().ok()?.ino();
        if !same {
            return None;
        }
        match read(&file) {
            Some(mail) => Some(Claim { path: path.to_owned(), _file: file, mail }),
            None => {
                let _ = fs::rename(path, path.with_extension("bad"));
                None
            }
        }
    }
}

impl Claim {
    /// The mail's name in logs and facts.
    pub fn id(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The mail is done with.
    ///
    /// # Errors
    /// When its file cannot be removed: it would be sent again.
    pub fn done(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    /// The mail must still reach these.
    ///
    /// # Errors
    /// When its file cannot be replaced.
    pub fn keep_for(mut self, to: Vec<String>) -> io::Result<()> {
        self.mail.to = to;
        let hidden = self.path.with_extension("new");
        write_synced(&hidden, &self.mail)?;
        fs::rename(&hidden, &self.path)
    }
}

fn is_mail(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(SUFFIX) && !name.starts_with('.')
}

/// By the time in its name.
fn age(path: &Path, now: SystemTime) -> Option<Duration> {
    let name = path.file_name()?.to_str()?;
    let micros: u64 = name.split('-').next()?.parse().ok()?;
    now.duration_since(UNIX_EPOCH + Duration::from_micros(micros)).ok()
}

fn read(file: &File) -> Option<Mail> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn write_synced(path: &Path, mail: &Mail) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&serde_json::to_vec(mail)?)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(subject: &str) -> Mail {
        let to = vec!["a@b.c".to_owned(), "d@e.f".to_owned()];
        Mail { from: "f@b.c".to_owned(), to, subject: subject.to_owned(), data: "x\r\n".to_owned() }
    }

    fn spool(name: &str) -> Spool {
        let dir = std::env::temp_dir().join(format!("rkeep-queue-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        Spool::open(&[Path::new("/proc/nowhere"), &dir]).expect("a directory")
    }

    #[test]
    fn keeps_mails_in_order_until_they_are_done() {
        let spool = spool("order");
        for subject in ["one", "two", "three"] {
            spool.put(&mail(subject)).expect("written");
        }
        let waiting = spool.waiting();
        let claims: Vec<Claim> = waiting.iter().filter_map(|path| spool.claim(path)).collect();
        let subjects: Vec<&str> = claims.iter().map(|claim| claim.mail.subject.as_str()).collect();
        assert_eq!(subjects, ["one", "two", "three"]);
        assert!(spool.claim(&waiting[0]).is_none(), "it is being sent");
        for claim in claims {
            claim.done().expect("removed");
        }
        assert_eq!(spool.waiting().len(), 0);
        fs::remove_dir_all(spool.dir()).expect("removed");
    }

    #[test]
    fn a_mail_that_reached_some_waits_for_the_others() {
        let spool = spool("some");
        spool.put(&mail("one")).expect("written");
        let claim = spool.claim(&spool.waiting()[0]).expect("ours");
        claim.keep_for(vec!["d@e.f".to_owned()]).expect("replaced");
        let again = spool.claim(&spool.waiting()[0]).expect("ours");
        assert_eq!(again.mail.to, ["d@e.f"]);
        fs::remove_dir_all(spool.dir()).expect("removed");
    }

    #[test]
    fn the_old_and_the_surplus_go() {
        let spool = spool("trim");
        for _ in 0..MOST + 2 {
            let name = format!(
                "{:018}-1-{}.mail",
                SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros(),
                spool.waiting().len()
            );
            fs::write(spool.dir().join(name), "").expect("written");
        }
        assert_eq!(spool.trim(SystemTime::now()).len(), 2);
        assert_eq!(spool.trim(SystemTime::now() + OLDEST + Duration::from_secs(3600)).len(), MOST);
        fs::remove_dir_all(spool.dir()).expect("removed");
    }

    #[test]
    fn what_is_no_mail_is_put_aside() {
        let spool = spool("bad");
        fs::write(spool.dir().join("000000000000000001-1-1.mail"), "{").expect("written");
        assert!(spool.claim(&spool.waiting()[0]).is_none());
        assert!(spool.waiting().is_empty());
        fs::remove_dir_all(spool.dir()).expect("removed");
    }
}
