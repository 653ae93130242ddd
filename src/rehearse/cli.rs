//! `rkeep rehearse`.

use std::io::{self, Write};
use std::process::ExitCode;

use super::Subject;
use super::drill::{Drill, Stage};
use super::report::Outcome;
use crate::sys::namespace;

/// `rkeep rehearse`: builds the whole cluster on this machine, rkeep in every role, and takes it through its drills.
/// Needs no root and no files, touches nothing outside.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Run this drill only (may be given more than once).
    #[arg(long, value_enum)]
    drill: Vec<Drill>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Sysctls that keep unprivileged users from making namespaces, with the value that does.
const FORBIDDING: [(&str, &str); 3] = [
    ("kernel.unprivileged_userns_clone", "0"),
    ("user.max_user_namespaces", "0"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1"),
];

/// Runs it. Exit code 0 only if all drills held; the process must still be single-threaded.
pub fn main(arguments: &Arguments) -> ExitCode {
    match rehearse(arguments) {
        Ok(outcomes) if outcomes.iter().all(Outcome::held) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rkeep rehearse: {error}{}", advice(&error));
            ExitCode::from(2)
        }
    }
}

fn rehearse(arguments: &Arguments) -> io::Result<Vec<Outcome>> {
    namespace::become_root()?;
    let drills: &[Drill] = if arguments.drill.is_empty() { &Drill::ALL } else { &arguments.drill };
    progress("building: 2 directors, 3 web servers, a client, a mail server, rkeep in every role");
    let mut stage = Stage::new(&Subject::Rkeep(std::env::current_exe()?))?;
    let mut outcomes = Vec::new();
    for drill in drills {
        progress(&format!("running drill {drill:?}"));
        let outcome = stage.run(*drill)?;
        if !arguments.json {
            print(&format!("{outcome}"))?;
        }
        if !outcome.held() {
            progress(&stage.logs());
        }
        outcomes.push(outcome);
    }
    if arguments.json {
        let held = outcomes.iter().all(Outcome::held);
        print(&format!("{:#}\n", serde_json::json!({ "held": held, "drills": &outcomes })))?;
    }
    Ok(outcomes)
}

fn print(text: &str) -> io::Result<()> {
    io::stdout().write_all(text.as_bytes())
}

fn progress(text: &str) {
    eprintln!("rkeep rehearse: {text}");
}

/// What to do about an error that comes from the machine's settings.
fn advice(error: &io::Error) -> String {
    // ENOSPC and EUSERS are how the kernel says that its limit of namespaces is reached.
    let refused = error.kind() == io::ErrorKind::PermissionDenied
        || matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EUSERS));
    if !refused {
        return String::new();
    }
    let set = |(name, value): &&(&str, &str)| {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        std::fs::read_to_string(path).is_ok_and(|found| found.trim() == *value)
    };
    let causes: Vec<_> = FORBIDDING.iter().filter(set).map(|(name, value)| format!("{name} = {value}")).collect();
    let cause = if causes.is_empty() { "perhaps a container's rules".to_owned() } else { causes.join(", ") };
    format!(
        "\n  it needs user namespaces, and this machine lets its users make none ({cause});\n  \
         run it as root, or let root change that setting with sysctl -w"
    )
}
