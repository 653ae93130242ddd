//! A note under `/run/rkeep` of the virtual addresses this process has set, so that a later start can remove what a
//! killed one left behind, even if its configuration names other addresses.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rkeep_parsers::ir::vrrp::VirtualAddress;
use rkeep_parsers::source::Span;

use crate::sys::namespace::network_number;
use crate::sys::process::{is_alive, make_dir};

/// Where notes are kept.
pub const DIRECTORY: &str = "/run/rkeep";

/// An address that is set, and the interface it is on.
pub type Entry = (String, VirtualAddress);

/// This process's note.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    entries: Vec<Entry>,
}

impl Held {
    /// The note of this process in this network namespace; nothing is written yet.
    pub fn new(directory: &Path) -> Self {
        let name = format!("{}{}", prefix(), std::process::id());
        Held { path: directory.join(name), entries: Vec::new() }
    }

    /// What dead processes of this network namespace have left set. Their notes are removed.
    pub fn left_behind(directory: &Path) -> Vec<Entry> {
        let Ok(files) = fs::read_dir(directory) else { return Vec::new() };
        let prefix = prefix();
        let mut entries = Vec::new();
        for path in files.flatten().map(|file| file.path()) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(pid) = name.strip_prefix(&prefix).and_then(|pid| pid.parse().ok()) else { continue };
            if is_alive(pid) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            entries.extend(text.lines().filter_map(parse));
            // Who cannot remove it reads it again next time, which does no harm.
            let _ = fs::remove_file(&path);
        }
        entries
    }

    /// Notes an address as set.
    pub fn add(&mut self, device: &str, address: &VirtualAddress) {
        self.remove(device, address);
        self.entries.push((device.to_owned(), address.clone()));
    }

    /// Notes an address as removed.
    pub fn remove(&mut self, device: &str, address: &VirtualAddress) {
        self.entries
            .retain(|(on, known)| on != device || (known.address, known.prefix) != (address.address, address.prefix));
    }

    /// Writes the note; without entries there is none.
    pub fn write(&self) -> io::Result<()> {
        if self.entries.is_empty() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let line = |(device, held): &Entry| format!("{device} {}/{}\n", held.address, held.prefix);
        if let Some(directory) = self.path.parent() {
            make_dir(directory, 0o755)?;
        }
        fs::write(&self.path, self.entries.iter().map(line).collect::<String>())
    }
}

/// `vrrp-NAMESPACE-`: each network namespace has its own notes.
fn prefix() -> String {
    format!("vrrp-{}-", network_number())
}

fn parse(line: &str) -> Option<Entry> {
    let (device, address) = line.split_once(' ')?;
    let (address, prefix) = address.split_once('/')?;
    let held = VirtualAddress {
        address: address.parse().ok()?,
        prefix: prefix.parse().ok()?,
        broadcast: None,
        device: None,
        label: None,
        scope: 0,
        no_track: false,
        span: Span::NONE,
    };
    Some((device.to_owned(), held))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_is_found_once() {
        let directory = std::env::temp_dir().join(format!("rkeep-held-{}", std::process::id()));
        let mut held = Held::new(&directory);
        let (device, address) = parse("eth0 192.168.3.253/32").expect("is well formed");
        held.add(&device, &address);
        held.add(&device, &address);
        held.write().expect("can be written");
        assert_eq!(fs::read_to_string(&held.path).ok().as_deref(), Some("eth0 192.168.3.253/32\n"));
        assert_eq!(Held::left_behind(&directory), [], "this process lives");
        // No process has this number: it is above the kernel's limit.
        fs::rename(&held.path, directory.join(format!("{}4194999", prefix()))).expect("can be renamed");
        assert_eq!(Held::left_behind(&directory), [(device.clone(), address.clone())]);
        assert_eq!(Held::left_behind(&directory), []);
        held.write().expect("can be written");
        held.remove(&device, &address);
        held.write().expect("can be removed");
        assert!(!held.path.exists());
        fs::remove_dir(&directory).expect("is empty");
    }
}
