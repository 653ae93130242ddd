//! Going to the background. The process in the foreground waits until the one behind it is ready, so that whoever
//! started it finds the pid file and the sockets.

use std::fs::{File, OpenOptions};
use std::io::{self, PipeWriter, Read, Write};

use crate::sys::process::{Fork, exit_now, fork};

/// Held by the process in the background until it is ready.
#[derive(Debug)]
pub struct Background {
    ready: Option<PipeWriter>,
}

impl Background {
    /// For a process that stays in the foreground.
    pub fn none() -> Self {
        Background { ready: None }
    }

    /// Continues in a child of its own session; the parent exits with 0 once the child says that it is ready, or with
    /// the code 1 when the child ends before that.
    ///
    /// # Errors
    /// Those of making a pipe and forking.
    pub fn go() -> io::Result<Self> {
        let (mut reader, writer) = io::pipe()?;
        if let Fork::Parent(_) = fork()? {
            drop(writer);
            let ready = reader.read(&mut [0]).is_ok_and(|bytes| bytes == 1);
            exit_now(if ready { 0 } else { 1 });
        }
        // It fails for a session leader only, which a child just forked is not.
        let _ = rustix::process::setsid();
        Ok(Background { ready: Some(writer) })
    }

    /// Lets the process in the foreground go.
    pub fn ready(mut self) {
        if let Some(mut pipe) = self.ready.take() {
            // It may have been killed meanwhile.
            let _ = pipe.write_all(b"1");
        }
    }
}

/// Makes standard input and output, and standard error if said, point nowhere.
///
/// # Errors
/// Those of opening `/dev/null`.
pub fn close_stdio(stderr: bool) -> io::Result<()> {
    let null: File = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    if stderr {
        rustix::stdio::dup2_stderr(&null)?;
    }
    Ok(())
}
