//! `bench [--rounds N] [--seconds N] [--beside NAME=PATH]… [--idle | CASE…]`: CPU time per request of rkeep, nginx and haproxy, as a
//! table; `--beside` measures further builds of rkeep in the same rounds, `--idle` memory of TLS connections that wait.

use std::process::ExitCode;
use std::time::Duration;

use rkeep::rehearse::Subject;
use rkeep_compat_tests::bench::{self, Build, CASES, Plan};
use rkeep_compat_tests::rkeep;

const USAGE: &str = "bench [--rounds N] [--seconds N] [--beside NAME=PATH]... [--idle | CASE...]   (5 rounds of 3 seconds; as root, with wrk, nginx and haproxy)";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.as_slice() {
        [word, port] if word == "--backend" => bench::backend::serve(port.parse().unwrap_or(0)),
        [word, port, done] if word == "--hold" => bench::idle::hold(port.parse().unwrap_or(0), done),
        words => match plan(words) {
            Some(plan) => show(&plan),
            None => {
                let names: Vec<_> = CASES.iter().map(|case| case.name).collect();
                eprintln!("{USAGE}\ncases: {}", names.join(" "));
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn show(plan: &Plan) -> std::io::Result<()> {
    if plan.idle {
        println!("{}", bench::idle(plan)?);
        return Ok(());
    }
    let table = bench::run(plan, |row| eprintln!("{row}"))?;
    println!("{table}");
    Ok(())
}

/// What the command line asks for; none where it is not understood.
fn plan(words: &[String]) -> Option<Plan> {
    let (Subject::Rkeep(rkeep), mut rest) = (rkeep(), words.iter()) else { return None };
    let builds = vec![Build { name: "rkeep".to_owned(), path: rkeep }];
    let mut plan = Plan { builds, rounds: 5, time: Duration::from_secs(3), cases: Vec::new(), idle: false };
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--rounds" => plan.rounds = rest.next()?.parse().ok().filter(|rounds| *rounds > 0)?,
            "--seconds" => plan.time = Duration::from_secs(rest.next()?.parse().ok()?),
            "--beside" => {
                let (name, path) = rest.next()?.split_once('=')?;
                plan.builds.push(Build { name: name.to_owned(), path: path.into() });
            }
            "--idle" => plan.idle = true,
            name if CASES.iter().any(|case| case.name == name) => plan.cases.push(name.to_owned()),
            _ => return None,
        }
    }
    Some(plan)
}
