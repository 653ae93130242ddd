//! The `keepalived` face: what its command line asks for, handed to [`crate::host::keepalived`].

mod help;
mod options;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use help::OPTIONS;
use options::Given;

use crate::host::keepalived::{self, Test, Wish};
use crate::sys::signal;

/// What an option may end the reading with.
enum Turn {
    /// Go on.
    On,
    /// Print this to standard error and end well.
    Say(String),
}

/// Runs the face; `args` begin with the program's name.
pub fn main(args: &[OsString]) -> ExitCode {
    let given = match options::parse(args.get(1..).unwrap_or_default()) {
        Ok(given) => given,
        Err(text) => {
            say(&format!("{text}\n"));
            return ExitCode::FAILURE;
        }
    };
    let here = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let mut wish = Wish { args: args.to_vec(), ..Wish::default() };
    for option in &given {
        if option.0 == "signum" {
            return signum(option.1.as_deref());
        }
        match take(&mut wish, option, &here) {
            Turn::On => {}
            Turn::Say(text) => {
                say(&text);
                return ExitCode::SUCCESS;
            }
        }
    }
    keepalived::main(wish)
}

fn say(text: &str) {
    // A closed standard error is no error.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

fn take(wish: &mut Wish, (name, value): &Given, here: &Path) -> Turn {
    let path = || here.join(value.as_deref().unwrap_or_default());
    match *name {
        "use-file" => {
            wish.pattern = path();
            wish.written = PathBuf::from(value.as_deref().unwrap_or_default());
        }
        "namespace" => wish.namespace = value.as_deref().map(|name| name.to_string_lossy().into_owned()),
        "vrrp" => wish.vrrp_only = true,
        "check" => wish.check_only = true,
        "all" => wish.all = true,
        "log-console" => wish.console = true,
        "log-detail" => wish.detail = true,
        "log-facility" => facility(wish, value.as_deref().unwrap_or_default()),
        "no-syslog" => wish.syslog = None,
        "umask" => umask(wish, value.as_deref().unwrap_or_default()),
        "dont-release-vrrp" => wish.keep_vips = true,
        "dont-release-ipvs" => wish.keep_services = true,
        "dont-respawn" => wish.respawn = false,
        "dont-fork" => wish.fork = false,
        "dump-conf" => wish.dump = true,
        "pid" => wish.pid = path(),
        "vrrp_pid" => wish.vrrp_pid = path(),
        "checkers_pid" => wish.checkers_pid = path(),
        "config-id" => wish.config_id = value.as_deref().unwrap_or_default().to_string_lossy().into_owned(),
        "config-test" => wish.test = Some(value.as_ref().map_or(Test::Stderr, |file| Test::File(here.join(file)))),
        "ignore-sigint" => wish.ignore_sigint = true,
        "no-follow-service" => wish.follow_service = false,
        "take-over" => wish.take_over = Some(value.as_deref().unwrap_or_default().to_string_lossy().into_owned()),
        "version" => return Turn::Say(help::version()),
        "help" => return Turn::Say(help::usage()),
        other => wish.unbuilt.push(other),
    }
    Turn::On
}

/// `-S`: a facility by its name or its local number.
fn facility(wish: &mut Wish, value: &OsStr) {
    let word = value.to_string_lossy();
    let local = |word: &str| word.parse::<u8>().ok().filter(|number| *number < 8).map(|number| 16 + number);
    let number = match word.as_ref() {
        "user" => Some(1),
        "daemon" => Some(3),
        word => local(word.strip_prefix("local").unwrap_or(word)),
    };
    match number {
        Some(number) => wish.syslog = Some(number),
        None => say(&format!("Invalid log facility '{word}'\n")),
    }
}

/// `-u`: octal with a leading 0, hexadecimal with 0x, else decimal.
fn umask(wish: &mut Wish, value: &OsStr) {
    let word = value.to_string_lossy();
    let number = match word.as_ref() {
        word if word.starts_with("0x") => u32::from_str_radix(word.trim_start_matches("0x"), 16),
        word if word.len() > 1 && word.starts_with('0') => u32::from_str_radix(word, 8),
        word => word.parse(),
    };
    match number {
        Ok(mask) if mask <= 0o777 => wish.umask = mask,
        _ => say(&format!("Invalid --umask option {word}\n")),
    }
}

fn signum(name: Option<&OsStr>) -> ExitCode {
    let name = name.unwrap_or_default().to_string_lossy();
    let number = match name.as_ref() {
        "STOP" => libc::SIGTERM,
        "RELOAD" => libc::SIGHUP,
        "DATA" => libc::SIGUSR1,
        "STATS" => libc::SIGUSR2,
        "STATS_CLEAR" => signal::rt_max() - 1,
        "JSON" => signal::rt_min() + 2,
        other => {
            say(&format!("Unknown sigfunc {other}\n"));
            return ExitCode::FAILURE;
        }
    };
    // A closed standard output is no error.
    let _ = writeln!(std::io::stdout(), "{number}");
    ExitCode::SUCCESS
}

impl Default for Wish {
    fn default() -> Self {
        Wish {
            args: Vec::new(),
            pattern: PathBuf::from("/etc/keepalived/keepalived.conf"),
            written: PathBuf::from("/etc/keepalived/keepalived.conf"),
            vrrp_only: false,
            check_only: false,
            all: false,
            console: false,
            detail: false,
            syslog: Some(crate::log::keepalived::DAEMON),
            umask: 0o177,
            keep_vips: false,
            keep_services: false,
            respawn: true,
            fork: true,
            dump: false,
            pid: PathBuf::from("/run/keepalived.pid"),
            vrrp_pid: PathBuf::from("/run/vrrp.pid"),
            checkers_pid: PathBuf::from("/run/checkers.pid"),
            config_id: keepalived::node_name(),
            test: None,
            ignore_sigint: false,
            follow_service: true,
            take_over: None,
            namespace: None,
            unbuilt: Vec::new(),
        }
    }
}
