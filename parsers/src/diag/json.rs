//! Findings for programs: one JSON object each.

use serde::Serialize;

use super::{Diagnostic, Label, Severity};
use crate::source::SourceMap;

#[derive(Serialize)]
struct Finding<'a> {
    severity: &'static str,
    code: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Option<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Related<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<&'a str>,
}

#[derive(Serialize)]
struct Place {
    file: String,
    line: u32,
    column: u32,
    /// Bytes from the start of the file.
    start: u32,
    end: u32,
}

#[derive(Serialize)]
struct Related<'a> {
    text: &'a str,
    #[serde(flatten)]
    place: Option<Place>,
}

/// All findings as a JSON array, one finding a line.
pub fn render(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let lines = diagnostics.iter().map(|found| serde_json::to_string(&finding(found, sources)).unwrap_or_default());
    format!("[\n{}\n]\n", lines.collect::<Vec<_>>().join(",\n"))
}

fn finding<'a>(found: &'a Diagnostic, sources: &SourceMap) -> Finding<'a> {
    let related = found.related.iter().map(|label| Related { text: &label.text, place: place(label, sources) });
    Finding {
        severity: match found.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        code: found.code,
        message: &found.message,
        place: found.at.as_ref().and_then(|label| place(label, sources)),
        related: related.collect(),
        help: found.help.as_deref(),
        original: found.legacy.as_ref().map(|line| line.line.as_str()),
    }
}

fn place(label: &Label, sources: &SourceMap) -> Option<Place> {
    let file = sources.get(label.span.file)?.path.display().to_string();
    let position = sources.position(label.span);
    Some(Place { file, line: position.line, column: position.column, start: label.span.start, end: label.span.end })
}
