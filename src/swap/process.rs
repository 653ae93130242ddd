//! Whose programs files and processes are, and waiting for processes.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::Face;

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The original's.
    Original,
    /// rkeep's.
    Rkeep,
}

/// How often one looks again while waiting.
const LOOK: Duration = Duration::from_millis(20);

/// Whose program a file is: it is asked for its version.
///
/// # Errors
/// It cannot be executed.
pub fn whose(program: &Path, face: Face) -> io::Result<Whose> {
    let mut command = Command::new(program);
    command.arg0(face.name()).arg("-v").env_remove("NGINX");
    let output = command.output().map_err(|error| told(error, &format!("cannot run {}", program.display())))?;
    let said = [output.stdout, output.stderr].concat();
    Ok(if String::from_utf8_lossy(&said).contains("(rkeep ") { Whose::Rkeep } else { Whose::Original })
}

/// Whose program a process executes; none when it has ended.
///
/// # Errors
/// Its program cannot be executed.
pub fn whose_process(pid: i32, face: Face) -> io::Result<Option<Whose>> {
    match whose(Path::new(&format!("/proc/{pid}/exe")), face) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        whose => whose.map(Some),
    }
}

/// Waits until the answer is yes.
///
/// # Errors
/// `TimedOut`, with what was waited for; the question's own.
pub fn wait_for(limit: Duration, what: &str, mut question: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + limit;
    while !question()? {
        if Instant::now() >= deadline {
            let text = format!("waited {} seconds in vain until {what}", limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Runs a command to its end.
///
/// # Errors
/// It cannot be started, or it fails; the text holds what it said.
pub fn run(command: &mut Command) -> io::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| told(error, &format!("cannot run {name}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim_end().to_owned();
    Err(io::Error::other(format!("{name} failed ({}): {said}", output.status)))
}

/// An error with words before it.
pub fn told(error: io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
