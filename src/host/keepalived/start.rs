//! From a command line to a test, or to a running parent.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use rkeep_parsers::lower::Loaded;
use rkeep_parsers::lower::keepalived::{Mode, Pass, legacy_lines, test_code};
use tracing::{error, info, warn};

use super::message::Settings;
use super::parent::{Config, Parent};
use super::predecessor::{TakeOver, is_keepalived};
use super::{Test, Wish, config, place};
use crate::bus::Role;
use crate::host::daemon::{self, Background};
use crate::host::pidfile::{self, PidFile};
use crate::log::keepalived as log;
use crate::plan::VrrpLegacy;
use crate::sys::process;

/// Does what the command line asks for.
pub fn main(wish: Wish) -> ExitCode {
    process::set_name(c"keepalived");
    if let Some(place) = &wish.test {
        return test(&wish, place);
    }
    log::init(settings(&wish, None).log_options(Role::Parent));
    greet(&wish);
    let take_over = match wish.take_over.as_deref().map(|pid| TakeOver::find(pid, &wish)).transpose() {
        Ok(take_over) => take_over,
        Err(text) => {
            error!("{text}");
            return ExitCode::FAILURE;
        }
    };
    for option in &wish.unbuilt {
        warn!("--{option} is known to keepalived but not built into rkeep; ignored");
    }
    if wish.unbuilt.contains(&"genhash") {
        error!("rkeep cannot run without what was asked for");
        return ExitCode::FAILURE;
    }
    let config = match Config::read(&wish) {
        Ok(config) => config,
        Err(code) => return ExitCode::from(code),
    };
    let mut wish = wish;
    if let Err(text) = place::settle(&mut wish, config.place()) {
        error!("{text}");
        return ExitCode::FAILURE;
    }
    if take_over.is_none() && is_running(&wish) {
        info!("daemon is already running");
        return ExitCode::SUCCESS;
    }
    run(wish, config, take_over)
}

fn run(wish: Wish, config: Config, take_over: Option<TakeOver>) -> ExitCode {
    let background = match if wish.fork { Background::go() } else { Ok(Background::none()) } {
        Ok(background) => background,
        Err(cause) => {
            error!("cannot go to the background: {cause}");
            return ExitCode::FAILURE;
        }
    };
    if wish.fork {
        // `/` is always there; a system without /dev/null has worse problems.
        let _ = std::env::set_current_dir("/");
        let _ = daemon::close_stdio(!wish.console);
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(wish.umask));
    let pid_file = match PidFile::create(&wish.pid) {
        Ok(file) => file,
        Err(cause) => {
            error!("cannot write {}: {cause}", wish.pid.display());
            return ExitCode::FAILURE;
        }
    };
    Parent::new(wish, config, pid_file, take_over).run(background)
}

/// What children are told of the command line.
pub fn settings(wish: &Wish, pid: Option<&Path>) -> Settings {
    Settings {
        pattern: wish.pattern.clone(),
        config_id: wish.config_id.clone(),
        detail: wish.detail,
        console: wish.console,
        syslog: wish.syslog,
        keep_vips: wish.keep_vips,
        follow_service: wish.follow_service,
        legacy: VrrpLegacy::default(),
        said: Vec::new(),
        pid: pid.map(Path::to_owned),
    }
}

fn greet(wish: &Wish) {
    let uname = rustix::system::uname();
    let shown = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let (system, release, version) = (shown(uname.sysname()), shown(uname.release()), shown(uname.version()));
    info!("Starting Keepalived v{} (rkeep {})", crate::KEEPALIVED_VERSION, env!("CARGO_PKG_VERSION"));
    info!("Running on {system} {release} {version}");
    let words: Vec<String> = wish.args.iter().map(|word| format!("'{}'", word.display())).collect();
    info!("Command line: {}", words.join(" "));
}

/// Whether another keepalived holds one of the pid files.
fn is_running(wish: &Wish) -> bool {
    let files = [&wish.pid, &wish.vrrp_pid, &wish.checkers_pid];
    files.iter().any(|file| pidfile::is_alive(file) && pidfile::read(file).is_ok_and(is_keepalived))
}

/// `-t`
fn test(wish: &Wish, place: &Test) -> ExitCode {
    let (loaded, _) = config::read_disk(&wish.written, &wish.config_id, Mode::Test);
    let text: String = legacy_lines(&loaded.diagnostics).map(|line| format!("{line}\n")).collect();
    // A closed standard error, or a file that cannot be written, does not change the verdict.
    let _ = match place {
        Test::Stderr => std::io::stderr().write_all(text.as_bytes()),
        Test::File(path) => File::create(path).and_then(|mut file| file.write_all(text.as_bytes())),
    };
    ExitCode::from(test_code(&loaded.diagnostics))
}

/// Logs what the parent says about a configuration.
pub fn log_lines(loaded: &Loaded) {
    legacy_lines(&loaded.diagnostics).for_each(|line| info!("{line}"));
}

/// How the parent reads.
pub const PARENT: Mode = Mode::Run(Pass::Parent);
