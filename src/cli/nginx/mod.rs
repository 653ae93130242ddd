//! The `nginx` face: what its command line asks for, handed to [`crate::host::nginx`].

mod options;
mod version;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use options::Options;
pub use version::options;

use crate::host::nginx::{self, Layout, Paths, Wish};

/// What the master's `argv[0]` begins with; what follows is how it was called, so that `ps` shows nginx's line.
const MASTER: &str = "nginx: master process ";

/// Runs the face; `args` begin with the program's name.
pub fn main(args: &[OsString]) -> ExitCode {
    let Some((name, rest)) = args.split_first() else { return ExitCode::FAILURE };
    let options = match options::parse(rest) {
        Ok(options) => options,
        Err(text) => {
            say(&format!("nginx: {text}\n"));
            return ExitCode::FAILURE;
        }
    };
    let exe = std::env::current_exe().unwrap_or_default();
    let placed = options.prefix.is_some() || options.conf.is_some();
    let layout = Layout::choose(&exe, placed, Path::exists);
    if options.version {
        show_version(&options, layout);
        if !options.test {
            return ExitCode::SUCCESS;
        }
    }
    if !options.test && options.order.is_none() {
        take_title(name, rest);
    }
    nginx::main(&wish(&options, layout, called(name, rest)))
}

fn show_version(options: &Options, layout: &Layout) {
    let mut text = version::short();
    if options.help {
        text += &version::usage(layout);
    }
    if options.configure {
        text += &version::configure(layout);
    }
    say(&text);
}

fn say(text: &str) {
    // A closed standard error is no error.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The command line as it was before the master took its title.
fn called(name: &OsStr, args: &[OsString]) -> Vec<OsString> {
    let name = name.as_bytes();
    let name = name.strip_prefix(MASTER.as_bytes()).unwrap_or(name);
    std::iter::once(OsStr::from_bytes(name).to_owned()).chain(args.iter().cloned()).collect()
}

fn wish(options: &Options, layout: &'static Layout, called: Vec<OsString>) -> Wish {
    let path = |word: &Option<OsString>| word.clone().map(std::path::PathBuf::from);
    let here = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let (prefix, conf, error_log) = (path(&options.prefix), path(&options.conf), path(&options.error_log));
    Wish {
        called,
        paths: Paths::new(layout, prefix.as_deref(), conf.as_deref(), error_log.as_deref(), &here),
        globals: options.globals.as_ref().map(|text| text.to_string_lossy().into_owned()),
        test: options.test,
        dump: options.dump,
        quiet: options.quiet,
        order: options.order,
    }
}

/// Runs this program again under the title that `ps` shows for a master. A system that refuses keeps the plain one.
fn take_title(name: &OsStr, args: &[OsString]) {
    if name.to_string_lossy().starts_with(MASTER) {
        return;
    }
    let mut title = OsString::from(MASTER);
    title.push(name);
    let _ = Command::new("/proc/self/exe").arg0(title).args(args).exec();
}
