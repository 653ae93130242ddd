//! Findings for people: file, line, column, the source line with the place marked, and what to write instead.

use std::fmt;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::{Diagnostic, Label, Severity};
use crate::source::SourceMap;

/// One finding as miette wants it.
struct Picture<'a> {
    found: &'a Diagnostic,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
    help: Option<String>,
}

impl fmt::Debug for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.found, f)
    }
}

impl fmt::Display for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.found.message)
    }
}

impl std::error::Error for Picture<'_> {}

impl miette::Diagnostic for Picture<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.found.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.found.severity {
            Severity::Note => miette::Severity::Advice,
            Severity::Warning => miette::Severity::Warning,
            Severity::Error => miette::Severity::Error,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// How pictures are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Lines and colours.
    Colour,
    /// Lines without colours.
    #[default]
    Plain,
}

/// All findings, a picture each.
pub fn render(diagnostics: &[Diagnostic], sources: &SourceMap, style: Style) -> String {
    let theme = match style {
        Style::Colour => GraphicalTheme::unicode(),
        Style::Plain => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(100);
    let mut text = String::new();
    for found in diagnostics {
        // Writing to a string cannot fail, and a picture that cannot be drawn still has its message.
        if handler.render_report(&mut text, &picture(found, sources)).is_err() {
            text.push_str(&found.message);
        }
        text.push('\n');
    }
    text
}

fn picture<'a>(found: &'a Diagnostic, sources: &SourceMap) -> Picture<'a> {
    let written = found.at.as_ref().filter(|label| sources.get(label.span.file).is_some());
    let Some(main) = written else {
        return Picture { found, source: None, labels: Vec::new(), help: found.help.clone() };
    };
    let text = shown_text(main, sources);
    let name = sources.path(main.span.file).display().to_string();
    let here = |label: &&Label| label.span.file == main.span.file;
    let labels = std::iter::once(main).chain(found.related.iter().filter(here));
    let labels = labels.map(|label| mark(label, text.len())).collect();
    let elsewhere = found.related.iter().filter(|label| !here(label) && label.span.is_written());
    let elsewhere = elsewhere.map(|label| format!("see also {}: {}", sources.place(label.span), label.text));
    let help = found.help.iter().cloned().chain(elsewhere).collect::<Vec<_>>().join("\n");
    let help = (!help.is_empty()).then_some(help);
    Picture { found, source: Some(NamedSource::new(name, text)), labels, help }
}

/// The file as text of the same length: a byte that is no UTF-8 is shown as `?`.
fn shown_text(label: &Label, sources: &SourceMap) -> String {
    let bytes = sources.get(label.span.file).map(|file| file.bytes.clone()).unwrap_or_default();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n('?', chunk.invalid().len()));
    }
    text
}

fn mark(label: &Label, length: usize) -> LabeledSpan {
    let start = (label.span.start as usize).min(length);
    let end = (label.span.end as usize).clamp(start, length);
    let text = if label.text.is_empty() { "here" } else { &label.text };
    LabeledSpan::new(Some(text.to_owned()), start, end - start)
}
