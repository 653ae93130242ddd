//! `differ [--nginx PATH] [--seed N] [--first N] [--cases N] [--seconds N] [--lanes N] [--case N]`: looks for what nginx
//! and rkeep do differently. The exit code is 0 only if all of it is explained. `NGINX_BIN` names an nginx, too.

use std::process::ExitCode;
use std::time::Duration;

use rkeep_compat_tests::differ::{Run, search};

fn arguments() -> Result<Run, String> {
    let nginx = std::env::var("NGINX_BIN").unwrap_or_else(|_| "/usr/sbin/nginx".to_owned());
    let mut run = Run { nginx, seed: 1, first: 0, cases: u64::MAX / 2, time: Duration::from_secs(60), lanes: 8 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        if word == "--nginx" {
            run.nginx = value;
            continue;
        }
        let number = value.parse::<u64>().map_err(|error| format!("{word} {value}: {error}"))?;
        match word.as_str() {
            "--seed" => run.seed = number,
            "--first" => run.first = number,
            "--cases" => run.cases = number,
            "--seconds" => run.time = Duration::from_secs(number),
            "--lanes" => run.lanes = number.clamp(1, 64) as usize,
            "--case" => (run.first, run.cases, run.lanes) = (number, 1, 1),
            _ => return Err(format!("{word}: not an option")),
        }
    }
    Ok(run)
}

fn main() -> ExitCode {
    let run = match arguments() {
        Ok(run) => run,
        Err(error) => {
            eprintln!("differ: {error}");
            return ExitCode::from(2);
        }
    };
    let outcome = search(&run);
    print!("{outcome}");
    if outcome.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
