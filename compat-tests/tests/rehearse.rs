//! `rkeep rehearse` as a command: what is broken beforehand is what it finds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Command, Output};

use rkeep::rehearse::Subject;
use rkeep_compat_tests::rkeep;
use serde_json::Value;

fn rehearse(arguments: &[&str]) -> Output {
    let Subject::Rkeep(program) = rkeep() else { unreachable!("that is rkeep") };
    Command::new(program).arg("rehearse").args(arguments).output().unwrap()
}

/// The names of the drills that held, and of those that did not.
fn verdicts(output: &Output) -> (Vec<String>, Vec<String>) {
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let drills = said["drills"].as_array().unwrap().iter();
    let (held, broken): (Vec<&Value>, Vec<&Value>) =
        drills.partition(|drill| drill["broken"].as_array().unwrap().is_empty());
    let names = |drills: Vec<&Value>| drills.iter().map(|drill| drill["drill"].as_str().unwrap().to_owned()).collect();
    (names(held), names(broken))
}

/// Rehearses these drills with that broken, and says which of them did not hold.
fn broken_by(what: &str, drills: &[&str]) -> Vec<String> {
    let drills: Vec<&str> = drills.iter().flat_map(|drill| ["--drill", drill]).collect();
    let output = rehearse(&[&["--json", "--break", what], drills.as_slice()].concat());
    let (_, broken) = verdicts(&output);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    broken
}

#[test]
fn directors_that_do_not_hear_each_other_are_found() {
    assert_eq!(broken_by("adverts", &["steady"]), ["steady"]);
}

#[test]
fn directors_that_do_not_believe_each_other_are_found() {
    assert_eq!(broken_by("auth", &["steady"]), ["steady"]);
}

#[test]
fn a_mail_server_that_is_away_is_found_where_a_mail_is_due() {
    assert_eq!(broken_by("mail", &["steady", "stop-master", "reload"]), ["stop-master"]);
}

#[test]
fn a_misspelt_drill_is_answered_with_the_right_one() {
    let output = rehearse(&["--drill", "unplugg"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("'unplug'") && said.contains("steady, stop-master"), "{said}");
}
