//! Lines of state for programs that read them from a FIFO (`notify_fifo`, `vrrp_notify_fifo`, `lvs_notify_fifo`).
//!
//! A reader that is slow or away costs lines, never time. The original ends the lines about virtual servers with a NUL
//! byte after the newline; readers that know lines do not want it, so it is left out.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, chown};
use std::path::Path;

use rkeep_parsers::keepalived::{Fifo, Global};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tracing::info;

use super::decide::Lines;
use crate::sys::process::{group_by_name, user_by_name};

/// The FIFOs that are open.
#[derive(Debug, Default)]
pub struct Fifos {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    fifo: Fifo,
    /// Which lines it gets; none means all.
    lines: Option<Lines>,
    file: File,
}

impl Fifos {
    /// Opens those of the plan and closes others. The newly opened, whose scripts are to be started.
    pub fn open(&mut self, global: &Global) -> Vec<Fifo> {
        let wanted = [
            (None, &global.notify_fifo),
            (Some(Lines::Vrrp), &global.vrrp_notify_fifo),
            (Some(Lines::Lvs), &global.lvs_notify_fifo),
        ];
        let mut old = std::mem::take(&mut self.open);
        let mut new = Vec::new();
        for (lines, fifo) in wanted {
            let Some(fifo) = fifo else { continue };
            if let Some(at) = old.iter().position(|open| open.fifo == *fifo && open.lines == lines) {
                self.open.push(old.swap_remove(at));
                continue;
            }
            match open(fifo) {
                Ok(file) => {
                    self.open.push(Open { fifo: fifo.clone(), lines, file });
                    new.push(fifo.clone());
                }
                Err(error) => info!("Unable to open notify fifo {}: {error}", fifo.path),
            }
        }
        new
    }

    /// Writes a line to those that want it.
    pub fn write(&mut self, lines: Lines, line: &str) {
        for open in self.open.iter_mut().filter(|open| open.lines.is_none_or(|wanted| wanted == lines)) {
            if let Err(error) = open.file.write_all(format!("{line}\n").as_bytes()) {
                info!("notify fifo {} lost a line: {error}", open.fifo.path);
            }
        }
    }
}

/// Makes the FIFO unless it is there, and opens it for both ways: so it opens without a reader, and readers see no end
/// of file when they come late.
fn open(fifo: &Fifo) -> io::Result<File> {
    let path = Path::new(&fifo.path);
    let made = mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
    if let (Ok(()), Some((user, group))) = (made, &fifo.user) {
        let ids = user_by_name(user);
        let gid = group.as_deref().and_then(group_by_name).or(ids.map(|ids| ids.gid));
        chown(path, ids.map(|ids| ids.uid), gid)?;
    }
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
    if file.metadata()?.file_type().is_fifo() { Ok(file) } else { Err(io::Error::other("it is not a FIFO")) }
}
