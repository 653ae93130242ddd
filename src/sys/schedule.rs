//! How the kernel schedules this process, and what of its memory stays in.

use std::io;

/// Gives the calling thread real-time priority; what it starts gets none.
///
/// # Errors
/// The kernel's, as without the right to it.
pub fn real_time(priority: u32) -> io::Result<()> {
    // SAFETY: all-zero bytes are a valid sched_param, which holds integers.
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = priority as i32;
    // SAFETY: the kernel only reads the structure.
    let result = unsafe { libc::sched_setscheduler(0, libc::SCHED_RR | libc::SCHED_RESET_ON_FORK, &raw const param) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Keeps all memory of this process in that it has touched, or will.
///
/// # Errors
/// The kernel's, as beyond the limit.
pub fn lock_memory() -> io::Result<()> {
    // SAFETY: it takes no pointers.
    let result = unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE | libc::MCL_ONFAULT) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Lets this process run on these processors alone.
///
/// # Errors
/// The kernel's.
pub fn run_on(cpus: &[usize]) -> io::Result<()> {
    // SAFETY: all-zero bytes are an empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in cpus.iter().filter(|cpu| **cpu < libc::CPU_SETSIZE as usize) {
        // SAFETY: the number is within the set.
        unsafe { libc::CPU_SET(*cpu, &mut set) };
    }
    // SAFETY: the kernel only reads the set of the size it is told.
    let result = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
