//! Where processes meet that were started separately: sockets under `/run/rkeep`, each network namespace with its own.

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use socket2::{Domain, SockAddr, Socket, Type};

use crate::bus::wire::Link;
use crate::sys::namespace::network_number;
use crate::sys::process::make_dir;

/// Where the sockets are.
const DIRECTORY: &str = "/run/rkeep";

/// Whoever has facts to tell meets keepalived's parent here.
pub const BUS: &str = "bus";

/// How many may wait to be let in.
const BACKLOG: i32 = 16;

/// A socket at which others are let in. Its path is removed when it is dropped, unless it is somebody else's by then.
#[derive(Debug)]
pub struct Meeting {
    socket: OwnedFd,
    path: PathBuf,
    inode: u64,
}

impl Meeting {
    /// Opens the place of that name. Whoever was found there before has gone, or is followed by us.
    ///
    /// # Errors
    /// Without the right to `/run/rkeep`.
    pub fn open(name: &str) -> io::Result<Self> {
        Self::open_in(Path::new(DIRECTORY), name)
    }

    fn open_in(directory: &Path, name: &str) -> io::Result<Self> {
        make_dir(directory, 0o755)?;
        let path = directory.join(file_name(name));
        // It gets its name when all is ready, so that nobody finds it closed.
        let unfinished = path.with_extension(std::process::id().to_string());
        // One of a dead process with our number.
        let _ = fs::remove_file(&unfinished);
        let socket = new_socket()?;
        socket.bind(&SockAddr::unix(&unfinished)?)?;
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
        socket.listen(BACKLOG)?;
        fs::rename(&unfinished, &path)?;
        let inode = fs::symlink_metadata(&path)?.ino();
        Ok(Meeting { socket: socket.into(), path, inode })
    }

    /// Lets the next one in who waits, if it is root or of our user.
    pub fn accept(&self) -> Option<Link> {
        accept(&self.socket)
    }
}

/// As [`Meeting::accept`], where somebody else has opened the place.
pub fn accept(place: &OwnedFd) -> Option<Link> {
    loop {
        let (socket, _) = socket2::SockRef::from(place).accept().ok()?;
        socket.set_nonblocking(true).ok()?;
        if is_trusted(&socket) {
            return Some(Link::from_fd(socket.into()));
        }
    }
}

impl AsFd for Meeting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|there| there.ino() == self.inode) {
            // Who finds it now is refused.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Goes to the place of that name.
///
/// # Errors
/// When nobody is there, or somebody who is neither root nor of our user.
pub fn connect(name: &str) -> io::Result<Link> {
    connect_in(Path::new(DIRECTORY), name)
}

fn connect_in(directory: &Path, name: &str) -> io::Result<Link> {
    let socket = new_socket()?;
    socket.connect(&SockAddr::unix(directory.join(file_name(name)))?)?;
    match is_trusted(&socket) {
        true => Ok(Link::from_fd(socket.into())),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

/// Goes to all places of that name that [`numbered`] made, the newest first.
///
/// # Errors
/// Without the right to one of them.
pub fn connect_all(name: &str) -> io::Result<Vec<Link>> {
    connect_all_in(Path::new(DIRECTORY), name)
}

fn connect_all_in(directory: &Path, name: &str) -> io::Result<Vec<Link>> {
    let (start, end) = (format!("{name}."), format!("-{}.socket", network_number()));
    let mut places: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.file_name().into_string().ok()?)))
        .filter(|(_, file)| file.starts_with(&start) && file.ends_with(&end))
        .collect();
    places.sort();
    let names = places.iter().rev().filter_map(|(_, file)| file.strip_suffix(&end));
    let mut links = Vec::new();
    for name in names {
        match connect_in(directory, name) {
            Ok(link) => links.push(link),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
            // One that was killed has left its place behind.
            Err(_) => {}
        }
    }
    Ok(links)
}

/// The name of a place of which there may be several: `what` tells them apart.
pub fn numbered(name: &str, what: &Path) -> String {
    format!("{name}.{}", tag(what))
}

/// A path in a few letters, since names of sockets must be short: FNV-1a.
pub fn tag(path: &Path) -> String {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = path.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, step);
    format!("{hash:016x}")
}

fn new_socket() -> io::Result<Socket> {
    Socket::new(Domain::UNIX, Type::SEQPACKET.cloexec().nonblocking(), None)
}

fn file_name(name: &str) -> String {
    format!("{name}-{}.socket", network_number())
}

fn is_trusted(socket: &Socket) -> bool {
    let own = rustix::process::geteuid();
    rustix::net::sockopt::socket_peercred(socket).is_ok_and(|peer| peer.uid.is_root() || peer.uid == own)
}

/// Tells when a place of a name opens.
#[derive(Debug)]
pub struct Openings {
    inotify: OwnedFd,
    name: String,
}

impl Openings {
    /// Watches for the place of that name.
    ///
    /// # Errors
    /// Without the right to `/run/rkeep`.
    pub fn watch(name: &str) -> io::Result<Self> {
        make_dir(Path::new(DIRECTORY), 0o755)?;
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(&inotify, DIRECTORY, WatchFlags::MOVED_TO)?;
        Ok(Openings { inotify, name: file_name(name) })
    }

    /// Whether it has opened since the last time.
    pub fn any(&self) -> bool {
        let mut space = [MaybeUninit::uninit(); 1024];
        let mut reader = inotify::Reader::new(&self.inotify, &mut space);
        let mut opened = false;
        while let Ok(event) = reader.next() {
            opened |= event.file_name().is_some_and(|name| name.to_bytes() == self.name.as_bytes());
        }
        opened
    }
}

impl AsFd for Openings {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_is_found_and_leaves_nothing_behind() {
        let directory = std::env::temp_dir().join(format!("rkeep-meet-{}", std::process::id()));
        let name = "here";
        assert!(connect_in(&directory, name).is_err());
        let first = Meeting::open_in(&directory, name).unwrap();
        assert!(first.accept().is_none());
        let guest = connect_in(&directory, name).unwrap();
        let host = first.accept().unwrap();
        guest.send(&7, &[]).unwrap();
        assert_eq!(host.receive::<u32>().unwrap().unwrap().0, 7);
        let second = Meeting::open_in(&directory, name).unwrap();
        drop(first);
        connect_in(&directory, name).unwrap();
        assert!(second.accept().is_some());
        drop(second);
        assert!(connect_in(&directory, name).is_err());
        fs::remove_dir(&directory).unwrap();
    }

    #[test]
    fn all_that_are_there_are_found() {
        let directory = std::env::temp_dir().join(format!("rkeep-meet-all-{}", std::process::id()));
        assert!(connect_all_in(&directory, "here").unwrap().is_empty());
        let open = |what: &str| Meeting::open_in(&directory, &numbered("here", Path::new(what))).unwrap();
        let (one, _other) = (open("/run/one.pid"), open("/run/other.pid"));
        assert_eq!(connect_all_in(&directory, "here").unwrap().len(), 2);
        assert!(connect_all_in(&directory, "her").unwrap().is_empty());
        let _again = open("/run/one.pid");
        drop(one);
        assert_eq!(connect_all_in(&directory, "here").unwrap().len(), 2);
        fs::remove_dir_all(&directory).unwrap();
    }
}
