//! Three faces: `nginx`, `keepalived`, `rkeep`.

mod check;
mod hand_over;
mod keepalived;
pub mod manual;
mod nginx;
mod reload;
mod rkeep;
mod run;
mod scripts;
mod status;
mod swap;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use crate::host;

/// Runs the face that the program's name, or its first argument, asks for; or, started by one of our own processes, the
/// role that it was given.
pub fn main() -> ExitCode {
    if let Some(role) = host::spawn::inherited_role() {
        return host::run_role(role);
    }
    let args: Vec<OsString> = std::env::args_os().collect();
    match face(&args) {
        Some((Face::Nginx, args)) => nginx::main(args),
        Some((Face::Keepalived, args)) => keepalived::main(args),
        None => rkeep::main(&args),
    }
}

enum Face {
    Nginx,
    Keepalived,
}

/// The face and its arguments, the first of which is the name it was called by.
fn face(args: &[OsString]) -> Option<(Face, &[OsString])> {
    let by_name = args.first().and_then(face_of);
    let by_argument = || args.get(1).and_then(face_of).zip(args.get(1..));
    by_name.map(|face| (face, args)).or_else(by_argument)
}

fn face_of(name: &OsString) -> Option<Face> {
    if name.to_string_lossy().starts_with("nginx: master process ") {
        return Some(Face::Nginx);
    }
    match Path::new(name).file_name()?.to_str()? {
        "nginx" => Some(Face::Nginx),
        "keepalived" => Some(Face::Keepalived),
        _ => None,
    }
}
