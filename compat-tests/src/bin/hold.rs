//! `hold [idle|waiting|slow]…`: memory that rkeep, nginx and haproxy hold for each of many connections, as a table.

use std::process::ExitCode;

use rkeep::rehearse::Subject;
use rkeep_compat_tests::hold::{self, Case};
use rkeep_compat_tests::rkeep;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.as_slice() {
        [word] if word == "--backend" => hold::backend(),
        words => match cases(words) {
            Some(cases) => show(&cases),
            None => {
                eprintln!("hold [idle|waiting|slow]...   (all of them; as root, with nginx and haproxy)");
                return ExitCode::from(2);
            }
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hold: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The cases of a command line; none where a word is not understood.
fn cases(words: &[String]) -> Option<Vec<Case>> {
    let of = |word: &str| Case::ALL.into_iter().find(|(name, _)| *name == word).map(|(_, case)| case);
    match words {
        [] => Some(Case::ALL.map(|(_, case)| case).to_vec()),
        words => words.iter().map(|word| of(word)).collect(),
    }
}

fn show(cases: &[Case]) -> std::io::Result<()> {
    let Subject::Rkeep(rkeep) = rkeep() else { return Ok(()) };
    println!("{}", hold::HEAD);
    hold::run(&rkeep, cases, |row| println!("{row}"))
}
