//! Signals as a file descriptor: blocked everywhere in the process, read where they are wanted.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// All that nginx's master, or who stands above it, heeds.
pub const MASTER: [i32; 8] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGHUP,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGWINCH,
    libc::SIGCHLD,
];

/// A signal that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub signal: i32,
    /// Who sent it; 0 when the kernel did.
    pub sender: u32,
}

/// The signals of a set, one by one, readable without blocking.
#[derive(Debug)]
pub struct SignalFd {
    fd: OwnedFd,
}

impl SignalFd {
    /// Blocks `signals` in this thread and in those it starts, and opens the descriptor they come out of.
    ///
    /// # Errors
    /// Those of `pthread_sigmask` and `signalfd`.
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set it is given, sigaddset only changes bits of it, and the pointer is to
        // a live value of this frame.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for &signal in signals {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            set.assume_init()
        };
        // SAFETY: the set is initialised; the old mask is not asked for.
        let failed = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) };
        if failed != 0 {
            return Err(io::Error::from_raw_os_error(failed));
        }
        // SAFETY: -1 asks for a new descriptor; the set is initialised.
        let fd = unsafe { libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: signalfd has just returned this descriptor and nobody else owns it.
        Ok(SignalFd { fd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// The next signal that waits, none when there is none.
    pub fn next(&self) -> Option<Received> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::uninit();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the buffer is as large as said, and the kernel writes whole records only.
        let read = unsafe { libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size) };
        if read != size as isize {
            return None;
        }
        // SAFETY: the kernel has filled the whole record.
        let info = unsafe { info.assume_init() };
        Some(Received { signal: info.ssi_signo as i32, sender: info.ssi_pid })
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for SignalFd {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}

impl From<SignalFd> for OwnedFd {
    fn from(signals: SignalFd) -> Self {
        signals.fd
    }
}

/// The first real-time signal that programs may use.
pub fn rt_min() -> i32 {
    libc::SIGRTMIN()
}

/// The last real-time signal.
pub fn rt_max() -> i32 {
    libc::SIGRTMAX()
}

/// A signal's name as nginx writes it, `SIGHUP`; `SIG` and the number for others.
pub fn name(signal: i32) -> String {
    let known = match signal {
        libc::SIGHUP => "HUP",
        libc::SIGINT => "INT",
        libc::SIGQUIT => "QUIT",
        libc::SIGTERM => "TERM",
        libc::SIGCHLD => "CHLD",
        libc::SIGUSR1 => "USR1",
        libc::SIGUSR2 => "USR2",
        libc::SIGWINCH => "WINCH",
        other => return format!("SIG{other}"),
    };
    format!("SIG{known}")
}

/// A signal in words, as `strsignal` has them: `Killed`.
pub fn describe(signal: i32) -> String {
    // SAFETY: strsignal takes any number; its answer is a string that stays valid until the next call in this thread,
    // and is copied at once.
    let text = unsafe { libc::strsignal(signal).as_ref().map(|text| std::ffi::CStr::from_ptr(text)) };
    text.map_or_else(|| format!("signal {signal}"), |text| text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_signal_comes_out_of_the_descriptor_with_its_sender() {
        let signals = SignalFd::new(&[libc::SIGWINCH]).unwrap();
        assert_eq!(signals.next(), None);
        let me = rustix::thread::gettid();
        // Only this thread has the signal blocked, so only this thread is sent it.
        crate::sys::process::signal_thread(me, libc::SIGWINCH).unwrap();
        let got = signals.next().unwrap();
        assert_eq!((got.signal, got.sender), (libc::SIGWINCH, std::process::id()));
    }
}
