//! `soak [SECONDS]`: mixed load with reloads and a dying backend, for ten minutes unless told otherwise. Whom it tests
//! is said by `RKEEP_SUBJECT`.

use std::process::ExitCode;
use std::time::Duration;

use rkeep_compat_tests::{soak, subject};

fn main() -> ExitCode {
    let seconds = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(600);
    if let Err(error) = rkeep::sys::namespace::become_root() {
        eprintln!("soak: {error}");
        return ExitCode::from(2);
    }
    match soak::soak(&subject(), Duration::from_secs(seconds)) {
        Ok(sums) => {
            println!("{sums}");
            sums.broken(&subject()).iter().for_each(|broken| println!("BROKEN: {broken}"));
            if sums.broken(&subject()).is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("soak: {error}");
            ExitCode::from(2)
        }
    }
}
