//! The `rkeep` face: its own subcommands.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::check;
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
}

/// Runs it. A command line that is not understood is told so, exit code 2.
pub(super) fn main(args: &[OsString]) -> ExitCode {
    match Cli::parse_from(args).command {
        Command::CheckConfig(arguments) => check::main(&arguments),
        Command::Rehearse(arguments) => rehearse::main(&arguments),
    }
}
