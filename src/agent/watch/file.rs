//! One `track_file`: the number in it, read whenever something about it changes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rkeep_parsers::ir::track::TrackFile;
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;
use tracing::info;

use super::Teller;
use crate::sys::socket::watch as register;

/// How often it is read though nothing was heard of it.
const AT_LEAST: Duration = Duration::from_secs(1);

/// Reads it until dropped.
pub(super) async fn watch(file: TrackFile, teller: Teller) {
    let path = PathBuf::from(&file.path);
    if let Some((value, overwrite)) = file.init {
        begin(&path, value, overwrite);
    }
    let mut news = news_of(&path);
    let mut known = None;
    loop {
        let number = read(&path);
        if known != Some(number) {
            info!("Track file {} is {number} now", file.name);
            teller.say(true, number);
            known = Some(number);
        }
        wait(&mut news, &path).await;
    }
}

/// Writes the first number.
fn begin(path: &Path, value: i32, overwrite: bool) {
    if (overwrite || !path.exists())
        && let Err(error) = fs::write(path, format!("{value}\n"))
    {
        info!("Track file {} cannot be written: {error}", path.display());
    }
}

/// The number in a file, 0 where there is none.
fn read(path: &Path) -> i64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_ascii_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// The kernel's news of a file: of its directory, since files are replaced.
fn news_of(path: &Path) -> Option<AsyncFd<OwnedFd>> {
    let open = || -> io::Result<AsyncFd<OwnedFd>> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let what =
            WatchFlags::CLOSE_WRITE | WatchFlags::MODIFY | WatchFlags::MOVE | WatchFlags::CREATE | WatchFlags::DELETE;
        inotify::add_watch(&fd, path.parent().unwrap_or(Path::new("/")), what)?;
        register(fd, Interest::READABLE)
    };
    open().ok()
}

/// Until something happens beside the file, or it has been long enough.
async fn wait(news: &mut Option<AsyncFd<OwnedFd>>, path: &Path) {
    let Some(fd) = news else {
        tokio::time::sleep(AT_LEAST).await;
        *news = news_of(path);
        return;
    };
    if let Ok(Ok(mut ready)) = timeout(AT_LEAST, fd.readable()).await {
        let mut buffer = [0; 4096];
        while rustix::io::read(ready.get_inner(), &mut buffer).is_ok_and(|length| length > 0) {}
        ready.clear_ready();
    }
}
