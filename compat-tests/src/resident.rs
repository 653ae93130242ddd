//! How much memory programs hold.

use std::io;

use rkeep::rehearse::Node;

/// Resident KiB of all of a box's processes of that name, shared pages counted once for each.
///
/// # Errors
/// `/proc` cannot be read.
pub fn of(node: &Node, name: &str) -> io::Result<usize> {
    let resident = |pid: i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<usize>().ok()
    };
    let named = node.processes()?.into_iter().filter(|process| process.name == name);
    Ok(named.filter_map(|process| resident(process.pid.as_raw_pid())).sum())
}
