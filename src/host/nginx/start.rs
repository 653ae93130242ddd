//! From a command line to a test, a signal, or a running master.

use std::io::Write;
use std::process::ExitCode;

use rkeep_parsers::source::DiskLoader;
use rkeep_parsers::table::value::Level;

use super::config::{self, Config, Context};
use super::master::Master;
use super::orphan::Orphan;
use super::resources::{Old, Resources};
use super::sockets::{self, Listening};
use super::{Paths, Wish, files, signaller, successor};
use crate::host::daemon::{self, Background};
use crate::host::pidfile::PidFile;
use crate::host::supervisor::FOREGROUND;
use crate::log::nginx::{Log, echo, with_errno};
use crate::sys::process;

/// Does what the command line asks for.
pub fn main(wish: &Wish) -> ExitCode {
    process::set_name(c"nginx");
    let log = first_log(&wish.paths);
    let handed = std::env::var(successor::VARIABLE);
    let inherited = handed.map(|variable| sockets::inherited(&variable, &log)).unwrap_or_default();
    let Some(config) = read(wish, &log) else { return refuse(wish) };
    match (wish.test, wish.order) {
        (true, _) => test(wish, config, &log),
        (false, Some(order)) => signaller::run(order, &config.pid, &main_log(&config, &log)),
        (false, None) => start(wish, config, &inherited, &log),
    }
}

/// The log until the configuration names others.
fn first_log(paths: &Paths) -> Log {
    let Some(path) = &paths.error_log else { return Log::stderr(Level::Notice).echoing(true) };
    match files::open_log(path) {
        Ok(file) => Log::file(file, Level::Notice).echoing(true),
        Err(error) => {
            let text = format!("could not open error log file: open() \"{}\" failed", path.display());
            echo(Level::Alert, &with_errno(&text, &error));
            Log::stderr(Level::Notice).echoing(true)
        }
    }
}

fn read(wish: &Wish, log: &Log) -> Option<Config> {
    let context = Context::new(&wish.paths, wish.globals.as_deref());
    let reading = config::read(&context, DiskLoader);
    for (level, text) in &reading.lines {
        log.write(*level, text);
    }
    if reading.config.is_some() && wish.test && !wish.quiet {
        say(&format!("nginx: the configuration file {} syntax is ok\n", config::shown(&wish.paths.conf)));
    }
    reading.config
}

fn refuse(wish: &Wish) -> ExitCode {
    if wish.test {
        say(&format!("nginx: configuration file {} test failed\n", config::shown(&wish.paths.conf)));
    }
    ExitCode::FAILURE
}

fn say(text: &str) {
    // A closed standard error is no error.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The log that a configuration names, as far as its files can be opened, for a process that does not start anything.
fn main_log(config: &Config, log: &Log) -> Log {
    let files = files::open_logs(&files::log_paths(&config.plan), &Log::default());
    let files = files.unwrap_or_default();
    match files.is_empty() {
        true => log.clone(),
        false => Log::of(&config.plan.main.core.error_log, &files).echoing(true),
    }
}

/// `-t`, `-T`
fn test(wish: &Wish, config: Config, log: &Log) -> ExitCode {
    if let Err(error) = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(&config.pid) {
        log.write(Level::Emerg, &with_errno(&format!("open() \"{}\" failed", config.pid.display()), &error));
        return refuse(wish);
    }
    let Ok(resources) = Resources::open(config, 0, Old::default(), log, true) else { return refuse(wish) };
    if !wish.quiet {
        say(&format!("nginx: configuration file {} test is successful\n", config::shown(&wish.paths.conf)));
    }
    if wish.dump {
        dump(&resources.config);
    }
    ExitCode::SUCCESS
}

fn dump(config: &Config) {
    let mut out = Vec::new();
    for (at, (path, bytes)) in config.files.iter().enumerate() {
        // A file that is included again is shown once.
        if config.files.iter().take(at).any(|(before, _)| before == path) {
            continue;
        }
        out.extend(format!("# configuration file {}:\n", path.display()).as_bytes());
        out.extend_from_slice(bytes);
        out.push(b'\n');
    }
    // A closed standard output is no error.
    let _ = std::io::stdout().write_all(&out);
}

fn start(wish: &Wish, config: Config, inherited: &[Listening], log: &Log) -> ExitCode {
    let mut orphan = if inherited.is_empty() { Orphan::find(&config.pid) } else { None };
    let adopted = orphan.as_mut().map(|orphan| sockets::adopted(std::mem::take(&mut orphan.sockets)));
    let old = Old { sockets: adopted.as_deref().unwrap_or(inherited) };
    let Ok(mut resources) = Resources::open(config, 1, old, log, false) else {
        return ExitCode::FAILURE;
    };
    drop(adopted);
    greet(&resources.log);
    let daemon = resources.config.plan.main.core.daemon && std::env::var_os(FOREGROUND).is_none();
    let Some((background, pid_file)) = detach(&resources, daemon, !inherited.is_empty()) else {
        return ExitCode::FAILURE;
    };
    settle(&mut resources, daemon);
    Master::new(wish.clone(), resources, pid_file, daemon).following(orphan).run(background)
}

/// Goes to the background if asked to, and writes the pid file. A master that another one has started, to take over its
/// sockets, is in the background already. None when it cannot; the log says why.
fn detach(resources: &Resources, daemon: bool, taking_over: bool) -> Option<(Background, PidFile)> {
    let log = &resources.log;
    let background = match daemon && !taking_over {
        true => Background::go().map_err(|error| log.write(Level::Emerg, &with_errno("fork() failed", &error))).ok()?,
        false => Background::none(),
    };
    if daemon {
        rustix::process::umask(rustix::fs::Mode::empty());
        // A system without /dev/null has worse problems.
        let _ = daemon::close_stdio(false);
    }
    let path = &resources.config.pid;
    let fail = |error| log.write(Level::Emerg, &with_errno(&format!("open() \"{}\" failed", path.display()), &error));
    Some((background, PidFile::create(path).map_err(fail).ok()?))
}

/// From now on only the log is written to; standard error follows it.
fn settle(resources: &mut Resources, daemon: bool) {
    resources.log = std::mem::take(&mut resources.log).echoing(false);
    if let Some(file) = resources.log.first_file().filter(|_| daemon) {
        let _ = rustix::stdio::dup2_stderr(file);
    }
}

fn greet(log: &Log) {
    let uname = rustix::system::uname();
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let shown = |limit: Option<u64>| limit.map_or("-1".to_owned(), |limit| limit.to_string());
    log.write(Level::Notice, "using the \"epoll\" event method");
    log.write(Level::Notice, &format!("nginx/{}", crate::NGINX_VERSION));
    let (system, release) = (uname.sysname().to_string_lossy(), uname.release().to_string_lossy());
    log.write(Level::Notice, &format!("OS: {system} {release}"));
    let text = format!("getrlimit(RLIMIT_NOFILE): {}:{}", shown(limit.current), shown(limit.maximum));
    log.write(Level::Notice, &text);
}
