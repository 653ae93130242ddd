//! Scripts that watch nginx and keepalived: those that are named, and those that this machine starts by itself.

use std::path::{Path, PathBuf};

use rkeep_parsers::diag::Diagnostic;
use rkeep_parsers::ir::Ir;
use rkeep_parsers::ir::vrrp::Script;
use rkeep_parsers::lower::Loaded;
use rkeep_parsers::lower::link::{Side, script};
use rkeep_parsers::source::{DiskLoader, Loader};

use crate::agent::security;

/// Where a machine is told what to start.
const STARTERS: [&str; 5] =
    ["/etc/rc.local", "/etc/crontab", "/etc/cron.d/*", "/var/spool/cron/*", "/var/spool/cron/crontabs/*"];

/// The scripts to look at, each once: those on the command line, those that keepalived.conf names, and on the machine
/// itself those it starts.
pub(super) fn all(given: &[PathBuf], keepalived: Option<&Ir>, own: bool) -> Vec<PathBuf> {
    let named = keepalived.into_iter().flat_map(Ir::scripts).filter_map(|script| script.file()).map(PathBuf::from);
    // What is not there, keepalived complains about itself.
    let named = named.filter(|path| path.is_file());
    let mut all = Vec::new();
    for path in given.iter().cloned().chain(named).chain(own.then(started).into_iter().flatten()) {
        if !all.contains(&path) {
            all.push(path);
        }
    }
    all
}

/// The scripts of `notify…` that would not run on this machine. Of tracked ones the file's own findings tell.
pub(super) fn refused(side: Side<'_>, own: bool) -> Vec<Diagnostic> {
    let Some(global) = &side.ir.global else { return Vec::new() };
    let new = if own { Diagnostic::error } else { Diagnostic::note };
    let finding = |script: &Script| {
        let why = security::admit(script, global).err()?;
        let help = "write the path of a file that may be executed, and that root alone may change";
        Some(new("script::refused", why).at(side.span(script.span), "is not run").help(help))
    };
    side.ir.notify_scripts().filter_map(finding).collect()
}

/// What this machine starts that has to do with both.
fn started() -> Vec<PathBuf> {
    let files = STARTERS.iter().flat_map(|pattern| DiskLoader.glob(Path::new(pattern)));
    let texts = files.filter_map(|path| DiskLoader.load(&path).ok());
    let words: Vec<PathBuf> = texts.flat_map(|text| paths(&String::from_utf8_lossy(&text))).collect();
    words.into_iter().filter(|path| path.is_file() && is_about_both(path)).collect()
}

/// The absolute paths in a file of commands.
fn paths(text: &str) -> Vec<PathBuf> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let words = lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || ";&|()<>'\"".contains(c)));
    words.filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

fn is_about_both(path: &Path) -> bool {
    let text = DiskLoader.load(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    text.contains("nginx") && text.contains("keepalived")
}

/// Reads one, with what is wrong with it.
pub(super) fn load(path: &Path) -> Loaded {
    let mut loaded = Loaded::default();
    match DiskLoader.load(path) {
        Ok(bytes) => {
            let file = loaded.sources.add(path.to_owned(), bytes.clone(), None);
            loaded.diagnostics = script::findings(file, &bytes);
        }
        Err(error) => {
            let text = format!("cannot read {}: {error}", path.display());
            loaded.diagnostics.push(Diagnostic::error("script::no-file", text).help("give a file with --script"));
        }
    }
    loaded
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::keepalived;

    use super::*;

    #[test]
    fn paths_are_found_among_commands() {
        let crontab = "# /not/this\n* * * * * root sh /root/nsc.sh >/dev/null 2>&1\n@reboot nohup '/opt/a.sh'&\n";
        let found: Vec<_> = paths(crontab).iter().map(|path| path.display().to_string()).collect();
        assert_eq!(found, ["/root/nsc.sh", "/dev/null", "/opt/a.sh"]);
    }

    #[test]
    fn what_would_not_run_is_named_with_its_place() {
        let text = "vrrp_instance V {\n interface eth0\n virtual_router_id 1\n notify_master /no/such/script\n}\n";
        let loader = rkeep_parsers::source::MapLoader::default().file("k.conf", text);
        let mode = keepalived::Mode::Check { own: true };
        let loaded = keepalived::load(Path::new("k.conf"), "box", &loader, &keepalived::AnyMachine, mode);
        let ir = loaded.ir.expect("a model");
        let found = refused(Side { ir: &ir, moved: 3 }, true);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains("/no/such/script cannot be accessed"), "{}", found[0].message);
        assert_eq!(found[0].at.as_ref().map(|at| at.span.file.0), Some(3));
    }

    #[test]
    fn each_is_looked_at_once() {
        let script = PathBuf::from("/x.sh");
        assert_eq!(all(&[script.clone(), script.clone()], None, false), [script]);
    }
}
