//! `rkeep check-config`: all findings of both files, and of what lies between them, in one run.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use rkeep_parsers::diag::report::{self, Style};
use rkeep_parsers::diag::{Diagnostic, Severity, json};
use rkeep_parsers::ir::Ir;
use rkeep_parsers::keepalived::{self, Mode};
use rkeep_parsers::lower::Loaded;
use rkeep_parsers::lower::link::{self, Side, Sides};
use rkeep_parsers::nginx;
use rkeep_parsers::source::{DiskLoader, SourceMap};
use rkeep_parsers::table::Compat;

use super::scripts;
use crate::host::keepalived::config::{ThisMachine, node_name};
use crate::host::nginx::layout;
use crate::plan;
use crate::proxy::tls;

/// Where keepalived keeps its file.
pub(super) const KEEPALIVED_CONF: &str = "/etc/keepalived/keepalived.conf";

/// Check nginx.conf and keepalived.conf together: every error with its place and what to write instead.
///
/// Without options both files of this machine are checked: /usr/local/nginx/conf/nginx.conf (then /etc/nginx/nginx.conf)
/// and /etc/keepalived/keepalived.conf. With options, only the files named. Exits with 2 when there are errors, with 1 when
/// there are warnings and --strict is given, otherwise with 0.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The nginx.conf to check
    #[arg(long, value_name = "FILE")]
    nginx_conf: Option<PathBuf>,
    /// The keepalived.conf to check
    #[arg(long, value_name = "FILE")]
    keepalived_conf: Option<PathBuf>,
    /// The keepalived.conf of the other box, to see whether the two can take over from each other
    #[arg(long, value_name = "FILE")]
    peer_keepalived_conf: Option<PathBuf>,
    /// A script that watches nginx or keepalived. Those that keepalived.conf names are looked at in any case; without
    /// options those that cron or rc.local of this machine start, too
    #[arg(long, value_name = "FILE")]
    script: Vec<PathBuf>,
    /// How findings are shown
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Exit with 1 when there are warnings
    #[arg(long)]
    strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Pictures for people
    Text,
    /// One JSON object a finding
    Json,
}

/// What all files together gave.
#[derive(Default)]
struct Findings {
    sources: SourceMap,
    diagnostics: Vec<Diagnostic>,
}

impl Findings {
    /// Takes in one configuration. Returns its model with how far its files were moved.
    fn take(&mut self, loaded: Loaded) -> Option<(Ir, u32)> {
        let moved = self.sources.append(loaded.sources);
        self.diagnostics.extend(loaded.diagnostics.into_iter().map(|found| found.moved(moved)));
        loaded.ir.map(|ir| (ir, moved))
    }

    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|found| found.severity == severity).count()
    }
}

/// Runs the check.
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let Some(files) = Files::choose(arguments, Path::exists) else {
        eprintln!("rkeep: no nginx.conf and no keepalived.conf here; name one with --nginx-conf or --keepalived-conf");
        return ExitCode::from(2);
    };
    let findings = check(&files);
    let shown = match arguments.format {
        Format::Json => json::render(&findings.diagnostics, &findings.sources),
        Format::Text => text(&findings, &files),
    };
    // A reader that goes away early wants no more.
    let _ = std::io::stdout().write_all(shown.as_bytes());
    ExitCode::from(code(&findings, arguments.strict))
}

/// All findings about this machine's own files, when there is an error among them.
pub(super) fn refusal(nginx: Option<PathBuf>, keepalived: Option<PathBuf>) -> Option<String> {
    let files = Files { nginx, keepalived, peer: None, scripts: Vec::new(), own: true };
    let findings = check(&files);
    (findings.count(Severity::Error) > 0).then(|| text(&findings, &files))
}

fn code(findings: &Findings, strict: bool) -> u8 {
    match (findings.count(Severity::Error), findings.count(Severity::Warning)) {
        (0, warnings) => u8::from(strict && warnings > 0),
        _ => 2,
    }
}

/// The files of one check.
#[derive(Debug, PartialEq, Eq)]
struct Files {
    nginx: Option<PathBuf>,
    keepalived: Option<PathBuf>,
    peer: Option<PathBuf>,
    scripts: Vec<PathBuf>,
    /// Whether they are this machine's own.
    own: bool,
}

impl Files {
    fn choose(arguments: &Arguments, exists: impl Fn(&Path) -> bool) -> Option<Files> {
        let (nginx, keepalived) = (arguments.nginx_conf.clone(), arguments.keepalived_conf.clone());
        let (peer, scripts) = (arguments.peer_keepalived_conf.clone(), arguments.script.clone());
        let own = nginx.is_none() && keepalived.is_none() && scripts.is_empty();
        if !own {
            return Some(Files { nginx, keepalived, peer, scripts, own });
        }
        let plain = Path::new(layout::PLAIN.prefix).join(layout::PLAIN.conf);
        let nginx = [plain, layout::DEBIAN.conf.into()].into_iter().find(|path| exists(path));
        let keepalived = Some(PathBuf::from(KEEPALIVED_CONF)).filter(|path| exists(path));
        let any = nginx.is_some() || keepalived.is_some();
        any.then_some(Files { nginx, keepalived, peer, scripts, own })
    }
}

fn check(files: &Files) -> Findings {
    let mut findings = Findings::default();
    let nginx = files.nginx.as_deref().and_then(|path| findings.take(load_nginx(path)));
    let mode = Mode::Check { own: files.own };
    let keepalived = files.keepalived.as_deref().and_then(|path| findings.take(load_keepalived(path, mode)));
    let mode = Mode::Check { own: false };
    let peer = files.peer.as_deref().and_then(|path| findings.take(load_keepalived(path, mode)));
    let sides = Sides { nginx: as_side(&nginx), keepalived: as_side(&keepalived), peer: as_side(&peer) };
    findings.diagnostics.extend(link::findings(&sides));
    findings.diagnostics.extend(sides.keepalived.into_iter().flat_map(|side| scripts::refused(side, files.own)));
    for path in scripts::all(&files.scripts, keepalived.as_ref().map(|(ir, _)| ir), files.own) {
        findings.take(scripts::load(&path));
    }
    findings
}

fn as_side(loaded: &Option<(Ir, u32)>) -> Option<Side<'_>> {
    loaded.as_ref().map(|(ir, moved)| Side { ir, moved: *moved })
}

fn load_nginx(path: &Path) -> Loaded {
    let mut loaded = load_nginx_file(path);
    if let Some(ir) = &loaded.ir {
        loaded.diagnostics.extend(tls_findings(ir));
    }
    loaded
}

/// What is wrong with certificates, keys and ciphers.
fn tls_findings(ir: &Ir) -> Vec<Diagnostic> {
    let plan = plan::cut(ir.clone()).proxy;
    let lints = tls::lints::lint(&plan, tls::accept::now());
    let shown = tls::check(&plan).into_iter().chain(lints).map(|found| {
        let new = if found.error { Diagnostic::error } else { Diagnostic::warning };
        let mut shown = new("nginx::tls", found.text).at(found.at, "");
        shown.help = Some(found.help.to_owned());
        shown
    });
    shown.collect()
}

fn load_nginx_file(path: &Path) -> Loaded {
    let path = absolute(path);
    let layout = if path == Path::new(layout::DEBIAN.conf) { layout::DEBIAN } else { layout::PLAIN };
    nginx::load(&path, Path::new(layout.prefix), None, &DiskLoader, Compat::default())
}

fn load_keepalived(path: &Path, mode: Mode) -> Loaded {
    keepalived::load(&absolute(path), &node_name(), &DiskLoader, &ThisMachine, mode)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn text(findings: &Findings, files: &Files) -> String {
    let style = if std::io::stdout().is_terminal() { Style::Colour } else { Style::Plain };
    let mut text = report::render(&findings.diagnostics, &findings.sources, style);
    let named = [&files.nginx, &files.keepalived, &files.peer];
    let names: Vec<String> =
        named.into_iter().flatten().chain(&files.scripts).map(|path| path.display().to_string()).collect();
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "note")];
    let counts = counts.map(|(severity, word)| counted(findings.count(severity), word));
    text.push_str(&format!("{}: {}\n", names.join(", "), counts.join(", ")));
    text
}

fn counted(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(nginx: Option<&str>) -> Arguments {
        Arguments {
            nginx_conf: nginx.map(PathBuf::from),
            keepalived_conf: None,
            peer_keepalived_conf: None,
            script: Vec::new(),
            format: Format::Text,
            strict: false,
        }
    }

    #[test]
    fn files_named_are_the_only_ones() {
        let named = Files::choose(&arguments(Some("a.conf")), |_| true).expect("a file");
        assert_eq!((named.nginx, named.keepalived, named.own), (Some("a.conf".into()), None, false));
    }

    #[test]
    fn otherwise_this_machines_own() {
        let debian = Files::choose(&arguments(None), |path| path.starts_with("/etc")).expect("files");
        assert_eq!(debian.nginx, Some("/etc/nginx/nginx.conf".into()));
        assert_eq!(debian.keepalived, Some(KEEPALIVED_CONF.into()));
        assert!(debian.own);
        assert_eq!(Files::choose(&arguments(None), |_| false), None);
    }

    #[test]
    fn the_worst_finding_decides() {
        let mut findings = Findings::default();
        findings.diagnostics.push(Diagnostic::note("x", "x"));
        assert_eq!(code(&findings, true), 0);
        findings.diagnostics.push(Diagnostic::warning("x", "x"));
        assert_eq!((code(&findings, false), code(&findings, true)), (0, 1));
        findings.diagnostics.push(Diagnostic::error("x", "x"));
        assert_eq!(code(&findings, false), 2);
    }
}
