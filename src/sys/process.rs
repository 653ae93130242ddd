//! Processes: forking to the background, dropping privileges, names, and descriptors handed down by number.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The old process; the new one's id.
    Parent(i32),
    /// The new one.
    Child,
}

/// Forks. Only for a process with one thread.
///
/// # Errors
/// Those of `fork`.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: the callers run it before any other thread exists, so the child's memory is whole and no lock is held by
    // a thread that it lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(pid)),
    }
}

/// Ends the process at once, without running what was registered for its end: for the parent's side of a fork.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process; nothing of it runs afterwards.
    unsafe { libc::_exit(code) }
}

/// Takes a descriptor that the process was started with.
///
/// # Errors
/// `EBADF` when there is none of this number.
pub fn inherited(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl with F_SETFD does not touch memory.
    if fd < 3 || unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) } < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: the descriptor is open, as fcntl has shown, and by the contract with whoever started this process it is
    // ours; it is taken once, at the start, before anything else could own it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A user by its name: its id and its group's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserIds {
    /// The user.
    pub uid: u32,
    /// Its first group.
    pub gid: u32,
}

/// More than any entry of passwd or group that this is used for: the names only, but the C library stores all of it.
const ENTRY: usize = 64 << 10;

/// Looks a user up; none when there is none.
pub fn user_by_name(name: &str) -> Option<UserIds> {
    let name = CString::new(name).ok()?;
    let mut space = vec![0; ENTRY];
    // SAFETY: all-zero bytes are a valid `passwd`; it holds integers and pointers that may be null.
    let mut user: libc::passwd = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: the name ends with NUL, the space is as long as said, and all of it lives until the call returns.
    unsafe { libc::getpwnam_r(name.as_ptr(), &mut user, space.as_mut_ptr(), space.len(), &mut found) };
    (!found.is_null()).then_some(UserIds { uid: user.pw_uid, gid: user.pw_gid })
}

/// Looks a group up; none when there is none.
pub fn group_by_name(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    let mut space = vec![0; ENTRY];
    // SAFETY: as for `passwd` above.
    let mut group: libc::group = unsafe { std::mem::zeroed() };
    let mut found = std::ptr::null_mut();
    // SAFETY: as in `user_by_name`.
    unsafe { libc::getgrnam_r(name.as_ptr(), &mut group, space.as_mut_ptr(), space.len(), &mut found) };
    (!found.is_null()).then_some(group.gr_gid)
}

/// Which step of becoming another user failed.
#[derive(Debug)]
pub struct DropError {
    /// The call.
    pub call: &'static str,
    /// Its argument.
    pub id: u32,
    /// Why.
    pub error: io::Error,
}

/// Becomes another user for good: group, supplementary groups, user, for all threads.
///
/// # Errors
/// The step that failed. `initgroups` may fail without harm to the rest; it is reported after all have been taken.
pub fn become_user(name: &str, ids: UserIds) -> Result<(), DropError> {
    let fault = |call, id| DropError { call, id, error: io::Error::last_os_error() };
    // SAFETY: takes a number.
    if unsafe { libc::setgid(ids.gid) } != 0 {
        return Err(fault("setgid", ids.gid));
    }
    let c_name = CString::new(name).unwrap_or_default();
    // SAFETY: the name ends with NUL and lives until the call returns.
    let groups = match unsafe { libc::initgroups(c_name.as_ptr(), ids.gid) } {
        0 => Ok(()),
        _ => Err(fault("initgroups", ids.gid)),
    };
    // SAFETY: takes a number.
    if unsafe { libc::setuid(ids.uid) } != 0 {
        return Err(fault("setuid", ids.uid));
    }
    groups
}

/// Lets no program that this process starts have a descriptor beyond standard error, however this process came by it.
pub fn keep_descriptors() {
    const FIRST: libc::c_uint = 3;
    // SAFETY: sets a flag on descriptors and touches no memory. Before Linux 5.11 it fails, and those that whoever
    // started us left open stay open; our own all have the flag.
    unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
}

/// Makes a directory unless it is there, with this mode whatever the umask; keepalived's takes the right to enter away.
///
/// # Errors
/// When it is not there afterwards.
pub fn make_dir(path: &std::path::Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if let Some(parent) = path.parent().filter(|parent| !parent.exists()) {
        make_dir(parent, 0o755)?;
    }
    match std::fs::create_dir(path) {
        Ok(()) => std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Lets a program start as a shell would start it: this process reads its signals from a descriptor and has them
/// blocked, which a program would inherit.
pub fn with_no_signal_blocked(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec the closure makes only calls that are allowed there, on a set of its own frame.
    unsafe {
        command.pre_exec(|| {
            let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
            libc::sigemptyset(none.as_mut_ptr());
            match libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut()) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            }
        });
    }
}

/// Sets what `ps -o comm`, `pgrep` and `killall` see. At most 15 bytes count.
pub fn set_name(name: &CStr) {
    // A name that cannot be set is a blemish, nothing more.
    let _ = rustix::thread::set_name(name);
}

/// Whether this process is asked to end (TERM) when its parent dies: one that is killed leaves nobody behind.
pub fn end_with_parent(ends: bool) {
    // Without it the closed link to the parent says the same.
    let _ = rustix::process::set_parent_process_death_signal(ends.then_some(rustix::process::Signal::TERM));
}

/// Sends a signal to one thread of this process.
///
/// # Errors
/// Those of `tgkill`.
pub fn signal_thread(thread: rustix::thread::Pid, signal: i32) -> io::Result<()> {
    let (pid, tid) = (std::process::id() as i32, thread.as_raw_nonzero().get());
    // SAFETY: takes numbers.
    match unsafe { libc::syscall(libc::SYS_tgkill, pid, tid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// Those of `kill`.
pub fn signal(pid: i32, signal: i32) -> io::Result<()> {
    // SAFETY: takes numbers.
    match unsafe { libc::kill(pid, signal) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The process that has started another, or has been given it; none when that other has ended.
pub fn parent_of(pid: i32) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Whether a process of that number exists and has not ended, even if nobody has asked for its end yet.
pub fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    // The state comes after the name, which may hold anything.
    stat.is_ok_and(|stat| !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X'])))
}

/// Kills any process and waits until it has ended. One that has gone already is fine.
///
/// # Errors
/// Without the right to, or `TimedOut`.
pub fn kill_and_wait(pid: i32, limit: std::time::Duration) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec};
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
    let Some(pid) = Pid::from_raw(pid) else { return Err(io::ErrorKind::InvalidInput.into()) };
    let gone = |error: rustix::io::Errno| if error == rustix::io::Errno::SRCH { Ok(()) } else { Err(error.into()) };
    let process = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(error) => return gone(error),
    };
    pidfd_send_signal(&process, Signal::KILL).or_else(gone)?;
    let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
    match rustix::event::poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit))? {
        0 => Err(io::ErrorKind::TimedOut.into()),
        _ => Ok(()),
    }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Code(i32),
    /// By this signal; whether it left a core.
    Signal(i32, bool),
}

/// The next child that has ended and nobody has asked about yet.
pub fn reap() -> Option<(i32, Ended)> {
    let mut status = 0;
    // SAFETY: the pointer is to a live value of this frame.
    let pid = unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) };
    if pid <= 0 {
        return None;
    }
    let ended = match libc::WIFSIGNALED(status) {
        true => Ended::Signal(libc::WTERMSIG(status), libc::WCOREDUMP(status)),
        false => Ended::Code(libc::WEXITSTATUS(status)),
    };
    Some((pid, ended))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_by_name() {
        assert_eq!(user_by_name("root"), Some(UserIds { uid: 0, gid: 0 }));
        assert_eq!(group_by_name("root"), Some(0));
        assert_eq!(user_by_name("no-such-user-here"), None);
        assert_eq!(user_by_name("a\0b"), None);
    }

    #[test]
    fn a_number_that_is_no_descriptor_is_refused() {
        assert!(inherited(98_765).is_err());
        assert!(inherited(1).is_err());
    }
}
