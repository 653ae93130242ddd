//! A proxy on the loopback, nginx or rkeep: started with a configuration of its own, ended with the value.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
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
        let proxy = Proxy { child, directory: directory.to_owned() };
        let patience = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
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

/// A port that is free now.
///
/// # Panics
/// There is none.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}
