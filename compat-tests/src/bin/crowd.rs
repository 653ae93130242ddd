//! `crowd [SECONDS]`: keepalived and rkeep beside each other, each with 220 instances on two boxes, while all cores are busy,
//! for ten minutes unless told otherwise. As root, for the real-time priority.

use std::process::ExitCode;
use std::time::Duration;

use rkeep_compat_tests::crowd::crowd;

fn main() -> ExitCode {
    let seconds = std::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(600);
    match crowd(Duration::from_secs(seconds)) {
        Ok([original, rkeep]) => {
            println!("{original}\n{rkeep}");
            let fair = rkeep.used() <= original.used() && rkeep.takeovers() <= original.takeovers();
            if fair && rkeep.unexplained() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("crowd: {error}");
            ExitCode::from(2)
        }
    }
}
