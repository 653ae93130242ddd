//! The one binary; which face it shows is decided by the name it was called by.

use std::process::ExitCode;

fn main() -> ExitCode {
    rkeep::cli::main()
}
