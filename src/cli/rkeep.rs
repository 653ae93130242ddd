//! The `rkeep` face: its own subcommands.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use super::{check, hand_over, reload, run, status, swap};
use crate::rehearse;

/// nginx and keepalived in one program that reads their files unchanged. Called `nginx` or `keepalived` (a copy of that
/// name, or that word as first argument) it is the one or the other.
#[derive(Debug, Parser)]
#[command(name = "rkeep", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    CheckConfig(check::Arguments),
    Rehearse(rehearse::Arguments),
    SwapIn(swap::In),
    SwapOut(swap::Out),
    /// Say whose programs lie in the places of nginx and keepalived, and whose run.
    SwapStatus,
    Run(run::Arguments),
    Reload(reload::Arguments),
    Status(status::Arguments),
    HandOver(hand_over::Arguments),
    /// Print a script that completes rkeep's command line.
    Completion {
        /// The shell it is for
        #[arg(value_enum)]
        shell: Shell,
    },
}

/// Runs it. A command line that is not understood is told so, exit code 2.
pub(super) fn main(args: &[OsString]) -> ExitCode {
    match Cli::parse_from(args).command {
        Command::CheckConfig(arguments) => check::main(&arguments),
        Command::Rehearse(arguments) => rehearse::main(&arguments),
        Command::SwapIn(arguments) => swap::swap_in(&arguments),
        Command::SwapOut(arguments) => swap::swap_out(&arguments),
        Command::SwapStatus => swap::status(),
        Command::Reload(arguments) => reload::main(&arguments),
        Command::Run(arguments) => run::main(&arguments),
        Command::HandOver(arguments) => hand_over::main(&arguments),
        Command::Status(arguments) => status::main(&arguments),
        Command::Completion { shell } => completion(shell),
    }
}

/// The command line as clap knows it.
pub(super) fn command() -> clap::Command {
    Cli::command()
}

fn completion(shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "rkeep", &mut script);
    // A reader that goes away early wants no more.
    let _ = std::io::stdout().write_all(&script);
    ExitCode::SUCCESS
}
