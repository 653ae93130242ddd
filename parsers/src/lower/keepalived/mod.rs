//! keepalived.conf to the IR.
//!
//! keepalived reads its file once in the parent (`global_defs`) and again in each child, each of which knows only its own
//! blocks. What it says, how often and in which order follows from that, so rkeep reads the same lines in the same
//! [`Pass`]es: each carries out its own blocks, skips the others' and reports what a process of its kind would.

mod after;
mod bfd;
mod bfd_check;
mod draft;
mod global;
mod groups;
mod hmac;
mod marked;
mod pragma;
mod report;
mod service;
mod tracking;
mod vrrp;
mod walk;

use std::io;
use std::path::{Path, PathBuf};

use super::Loaded;
use crate::diag::{Class, Diagnostic, Severity};
use crate::ir::Ir;
use crate::source::Loader;
use crate::syntax::keepalived::{Line, Source, read};
use crate::table::Compat;
use draft::Draft;
use report::Report;
use walk::{Around, Walk};

/// One reading of the file: which process of keepalived does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The parent: `global_defs` and what concerns all.
    Parent,
    /// The checkers: virtual servers.
    Checkers,
    /// The VRRP speaker: instances and groups.
    Vrrp,
    /// The BFD speaker.
    Bfd,
}

const PASSES: [Pass; 4] = [Pass::Parent, Pass::Checkers, Pass::Vrrp, Pass::Bfd];

/// What the file is read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `keepalived -t`: all passes one after another; reading ends where keepalived exits.
    Test,
    /// A process of the daemon starts: only what it would say itself.
    Run(Pass),
    /// `rkeep check-config`: every finding once, reading goes on after anything. `own` is whether the file is this
    /// machine's own, so that a missing interface matters.
    Check {
        /// Whether this machine will run it.
        own: bool,
    },
}

/// What must be known of the machine to judge a file.
pub trait Machine {
    /// Whether the interface is there and, if so, whether it is a loopback.
    fn interface(&self, name: &str) -> Option<Loopback>;
    /// Whether the interface is a macvlan, as those are that carry a virtual router's MAC address.
    fn is_macvlan(&self, _: &str) -> bool {
        false
    }
    /// Whether nobody but its owner may read a file or change it.
    fn keeps_to_owner(&self, _: &str) -> bool {
        true
    }
    /// Whether a user, and a group, exist.
    fn user(&self, user: &str, group: Option<&str>) -> bool;
    /// What a program is like.
    fn script(&self, program: &str) -> Script;
    /// Of an insecure program: which part of its path others may change, who, and the command that mends it.
    fn mend(&self, _: &str) -> Option<String> {
        None
    }
    /// The host's name.
    fn host_name(&self) -> String;
}

/// Whether an interface is a loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loopback(pub bool);

/// What a program is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Not there, or not executable.
    Missing,
    /// Only root may change it.
    Secure,
    /// Others than root may change it.
    Insecure,
    /// Only root may change it, but a directory of its path is a link, which keepalived takes for insecure.
    ThroughLink,
}

/// A machine that has everything: what a file says by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyMachine;

impl Machine for AnyMachine {
    fn interface(&self, name: &str) -> Option<Loopback> {
        Some(Loopback(name == "lo"))
    }
    fn user(&self, _: &str, _: Option<&str>) -> bool {
        true
    }
    fn script(&self, _: &str) -> Script {
        Script::Secure
    }
    fn host_name(&self) -> String {
        "localhost".to_owned()
    }
}

/// `keepalived -t`'s exit code.
pub fn test_code(diagnostics: &[Diagnostic]) -> u8 {
    let classes = || diagnostics.iter().filter_map(|found| Some(found.legacy.as_ref()?.class));
    if classes().any(|class| class == Class::MissingParameter) {
        return 2;
    }
    match classes().filter(|class| *class != Class::Remark).max() {
        None => 0,
        Some(class) if class <= Class::Fatal => 4,
        Some(Class::Security | Class::NoConfig) => 6,
        Some(_) => 5,
    }
}

/// The lines keepalived prints, without time and ident.
pub fn legacy_lines(diagnostics: &[Diagnostic]) -> impl Iterator<Item = &str> {
    diagnostics.iter().filter_map(|found| Some(found.legacy.as_ref()?.line.as_str()))
}

/// The files' lines, their names as shown, and what became of reading them so far.
#[derive(Default)]
struct ReadText {
    lines: Vec<Line>,
    shown: Vec<PathBuf>,
    loaded: Loaded,
}

fn read_all(source: &Source<'_>, files: &[PathBuf], mode: Mode) -> ReadText {
    let mut text = ReadText::default();
    for path in files {
        match source.loader.load(path) {
            Ok(bytes) => {
                let loaded = &mut text.loaded;
                text.lines.extend(read(source, path, bytes, &mut loaded.sources, &mut text.shown));
            }
            Err(error) => text.loaded.diagnostics.push(no_file(path, &error, mode)),
        }
    }
    text
}

/// Reads the files that `pattern` names (`-f` is a glob) for a machine.
pub fn load(pattern: &Path, config_id: &str, loader: &dyn Loader, machine: &dyn Machine, mode: Mode) -> Loaded {
    let files = loader.glob(pattern);
    if files.is_empty() {
        let missing = no_file(pattern, &io::Error::from(io::ErrorKind::NotFound), mode);
        let ir = matches!(mode, Mode::Test).then(Ir::default);
        return Loaded { ir, diagnostics: vec![missing], ..Loaded::default() };
    }
    let mut text = read_all(&Source { loader, config_id, old: false }, &files, mode);
    let compat = pragma::compat(&text.lines);
    if compat.keepalived < Compat::default().keepalived {
        text = read_all(&Source { loader, config_id, old: true }, &files, mode);
    }
    let ReadText { lines, shown, mut loaded } = text;
    let mut report = Report::new(mode);
    report.shown = shown;
    if files.len() > 1 {
        let first = files.first().map(|path| path.display().to_string()).unwrap_or_default();
        report.several_files(pattern, &first);
    }
    let mut draft = Draft::default();
    for pass in PASSES {
        report.begin(pass);
        let around = Around { machine, loader, compat };
        Walk::new(pass, &lines, &mut report, &mut draft, around).run();
        if report.ended() {
            break;
        }
    }
    loaded.ir = (!report.fatal).then(|| draft.into_ir(machine));
    loaded.diagnostics.append(&mut report.diagnostics);
    loaded
}

/// The finding about a file that cannot be read.
fn no_file(path: &Path, error: &io::Error, mode: Mode) -> Diagnostic {
    let found = Diagnostic::error("keepalived::no-file", format!("cannot read {}: {error}", path.display()));
    let class = if matches!(mode, Mode::Test) { Class::Remark } else { Class::FileNotFound };
    found
        .help("give the file with --keepalived-conf")
        .legacy(class, format!("Config files missing '{}'.", path.display()))
}

/// The worst of the findings.
pub fn worst(diagnostics: &[Diagnostic]) -> Option<Severity> {
    diagnostics.iter().map(|found| found.severity).max()
}
