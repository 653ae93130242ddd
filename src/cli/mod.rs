//! Three faces: `nginx`, `keepalived`, `rkeep`.

use std::process::ExitCode;

/// Runs the face that the program's name, or its first argument, asks for.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
