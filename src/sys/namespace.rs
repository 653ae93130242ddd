//! Namespaces: what a thread or a process must do to live in a world of its own.

use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use rustix::mount::{MountFlags, mount};
use rustix::process::{Pid, getegid, geteuid};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};

/// Makes the process root in a user namespace of its own, if it is not root already. The process must still be
/// single-threaded.
///
/// # Errors
/// `EPERM` or `ENOSPC` where the kernel forbids user namespaces; `EINVAL` in a process that has threads.
pub fn become_root() -> io::Result<()> {
    let (user, group) = (geteuid(), getegid());
    if user.is_root() {
        return Ok(());
    }
    unshare(UnshareFlags::NEWUSER)?;
    // Without CAP_SETGID outside, the kernel demands that setgroups is given up before the group map is written.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("0 {} 1", user.as_raw()))?;
    fs::write("/proc/self/gid_map", format!("0 {} 1", group.as_raw()))
}

/// Whether the process is in the machine's own user namespace, where every user exists.
pub fn is_first() -> bool {
    fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| map.split_whitespace().nth(2) == Some("4294967295"))
}

/// Gives the calling thread its own network, mounts, host name and (for its children) processes. Afterwards this
/// thread can start programs but no threads.
///
/// # Errors
/// `EPERM` without CAP_SYS_ADMIN: see [`become_root`].
pub fn leave_all() -> io::Result<()> {
    unshare(
        UnshareFlags::FS
            | UnshareFlags::NEWNS
            | UnshareFlags::NEWNET
            | UnshareFlags::NEWUTS
            | UnshareFlags::NEWIPC
            | UnshareFlags::NEWPID,
    )
}

fn unshare(flags: UnshareFlags) -> io::Result<()> {
    debug_assert!(!flags.contains(UnshareFlags::FILES));
    // SAFETY: the file descriptor table stays shared: only `FILES` would make this call unsafe, and no caller asks it.
    Ok(unsafe { unshare_unsafe(flags) }?)
}

/// The network namespace of the calling thread.
///
/// # Errors
/// `/proc` is not mounted.
pub fn this_network() -> io::Result<OwnedFd> {
    Ok(fs::File::open("/proc/thread-self/ns/net")?.into())
}

/// The number of this process's network namespace; 0 where `/proc` is not mounted.
pub fn network_number() -> u64 {
    fs::metadata("/proc/self/ns/net").map_or(0, |metadata| metadata.ino())
}

/// Moves the calling thread into a network namespace: sockets it opens from now on belong there.
///
/// # Errors
/// `EPERM` without CAP_SYS_ADMIN there.
pub fn enter_network(network: impl AsFd) -> io::Result<()> {
    Ok(move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?)
}

/// Starts process 1 of the process namespace that the calling thread has made with [`leave_all`]. It mounts `/proc`,
/// says so by a byte on `lifeline` (a stream socket), reaps what is left to it, and ends, and with it all processes of
/// the namespace, when the other end of `lifeline` is closed.
///
/// # Errors
/// No process can be made.
pub fn spawn_init(lifeline: &OwnedFd) -> io::Result<Pid> {
    let lifeline = lifeline.as_raw_fd();
    // SAFETY: the child runs `init` only, which makes nothing but async-signal-safe system calls: no lock that another
    // thread may have held at the fork is ever taken.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => init(lifeline),
        pid => Pid::from_raw(pid).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData)),
    }
}

/// Life of process 1.
fn init(lifeline: i32) -> ! {
    // Where the outer /proc is partly hidden (containers), the kernel refuses a new one: the old one still serves.
    let _ = mount(c"proc", c"/proc", c"proc", MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC, None);
    // SAFETY: plain system calls on this process's own state and descriptors; the buffer outlives the read.
    unsafe {
        // Other nodes' lifelines must not be held open by this copy of the table.
        if lifeline > 3 {
            libc::close_range(3, lifeline as u32 - 1, 0);
        }
        libc::close_range(lifeline as u32 + 1, u32::MAX, 0);
        // Whoever has made the namespaces may enter them by this process.
        libc::prctl(libc::PR_SET_DUMPABLE, 1);
        // Ignored, so that the kernel itself reaps.
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        // A Ctrl-C at the terminal is for the parent, which then closes the lifeline.
        libc::setsid();
        let mut byte = 0u8;
        libc::write(lifeline, (&raw const byte).cast(), 1);
        while libc::read(lifeline, (&raw mut byte).cast(), 1) == -1
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
        libc::_exit(0)
    }
}
