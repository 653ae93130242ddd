//! A proxy on the loopback, nginx or rkeep: started with a configuration of its own, ended with the value.

use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The process. It is asked to end when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    child: Child,
    directory: PathBuf,
}

impl Proxy {
    /// rkeep, as nginx is called.
    pub fn rkeep() -> Command {
        let rkeep::rehearse::Subject::Rkeep(path) = crate::rkeep() else { unreachable!("rkeep is rkeep") };
        let mut command = Command::new(path);
        command.arg("nginx");
        command
    }

    /// Whom the tests test, as nginx is called.
    pub fn subject() -> Command {
        match crate::subject() {
            rkeep::rehearse::Subject::Original => Command::new("nginx"),
            rkeep::rehearse::Subject::Rkeep(_) => Proxy::rkeep(),
        }
    }

    /// Starts it and waits until it listens on a port of the loopback.
    ///
    /// # Panics
    /// It does not listen in ten seconds.
    pub fn start(mut command: Command, directory: &Path, configuration: &str, port: u16) -> Proxy {
        std::fs::create_dir_all(directory).expect("a directory");
        let file = directory.join("nginx.conf");
        std::fs::write(&file, configuration).expect("written");
        let log = directory.join("error.log");
        command.arg("-p").arg(directory).arg("-c").arg(&file).arg("-e").arg(&log);
        let child = command.spawn().expect("started");
        let mut proxy = Proxy { child, directory: directory.to_owned() };
        let patience = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            // Somebody else may listen there by now.
            let ended = proxy.child.try_wait().expect("its own child");
            assert_eq!(ended, None, "{} ended:\n{said}", directory.display());
            assert!(Instant::now() < patience, "{} does not listen:\n{said}", directory.display());
            thread::sleep(Duration::from_millis(50));
        }
        proxy
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Asked, not killed: rkeep's worker serves on without its master.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A port that is free, and stays so: the kernel gives none of this range by itself, and each is told once in a process.
///
/// # Panics
/// There is none.
pub fn free_port() -> u16 {
    const RANGE: Range<u16> = 12_000..32_000;
    static TOLD: AtomicU16 = AtomicU16::new(0);
    // Programs that run beside each other begin at different places.
    let begin = std::process::id() % u32::from(RANGE.end - RANGE.start);
    let mut candidates = std::iter::repeat_with(|| {
        let told = u32::from(TOLD.fetch_add(1, Ordering::Relaxed));
        RANGE.start + ((begin + told) % u32::from(RANGE.end - RANGE.start)) as u16
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    candidates.by_ref().take(RANGE.len()).find(is_free).expect("a port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_told_once() {
        let ports: Vec<_> = std::iter::repeat_with(free_port).take(50).collect();
        let different: std::collections::BTreeSet<_> = ports.iter().collect();
        assert_eq!(different.len(), ports.len());
    }
}
