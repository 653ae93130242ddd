//! Findings for people: file, line, column, the source line with the place marked, and what to write instead.

use std::fmt;
use std::ops::Range;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan,
    SpanContents,
};

use super::{Diagnostic, Label, Severity};
use crate::source::{SourceFile, SourceMap};

/// One finding as miette wants it.
struct Picture<'a> {
    found: &'a Diagnostic,
    source: Option<Excerpt>,
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

/// Lines that are shown beside those of a place.
const BESIDE: u32 = 2;

/// The lines of a file that a finding is about. Drawing reads its source from the beginning for each place, which would take
/// long with many findings in a long file.
#[derive(Debug)]
struct Excerpt {
    path: String,
    text: String,
    /// Where in the file it begins: the byte, and the line from 0.
    start: usize,
    line: usize,
}

impl Excerpt {
    fn new(file: &SourceFile, bytes: Range<u32>) -> Excerpt {
        let first = file.line_at(bytes.start).saturating_sub(BESIDE).max(1);
        let (start, end) = (file.line_start(first), file.line_start(file.line_at(bytes.end) + 1 + BESIDE));
        let text = shown_text(file.bytes.get(start..end).unwrap_or_default());
        Excerpt { path: file.path.display().to_string(), text, start, line: first as usize - 1 }
    }

    fn mark(&self, label: &Label) -> LabeledSpan {
        let end = self.start + self.text.len();
        let from = (label.span.start as usize).clamp(self.start, end);
        let to = (label.span.end as usize).clamp(from, end);
        let text = if label.text.is_empty() { "here" } else { &label.text };
        LabeledSpan::new(Some(text.to_owned()), from, to - from)
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let offset = span.offset().checked_sub(self.start).ok_or(MietteError::OutOfBounds)?;
        let within = self.text.read_span(&(offset, span.len()).into(), before, after)?;
        let place = (within.span().offset() + self.start, within.span().len()).into();
        let (line, column, lines) = (within.line() + self.line, within.column(), within.line_count() + self.line);
        let named = MietteSpanContents::new_named(self.path.clone(), within.data(), place, line, column, lines);
        Ok(Box::new(named))
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
    let written = found.at.as_ref().and_then(|label| Some((label, sources.get(label.span.file)?)));
    let Some((main, file)) = written else {
        return Picture { found, source: None, labels: Vec::new(), help: found.help.clone() };
    };
    let here = |label: &&Label| label.span.file == main.span.file;
    let labels = || std::iter::once(main).chain(found.related.iter().filter(here));
    let (from, to) = (labels().map(|label| label.span.start).min(), labels().map(|label| label.span.end).max());
    let source = Excerpt::new(file, from.unwrap_or_default()..to.unwrap_or_default());
    let labels = labels().map(|label| source.mark(label)).collect();
    let elsewhere = found.related.iter().filter(|label| !here(label) && label.span.is_written());
    let elsewhere = elsewhere.map(|label| format!("see also {}: {}", sources.place(label.span), label.text));
    let help = found.help.iter().cloned().chain(elsewhere).collect::<Vec<_>>().join("\n");
    let help = (!help.is_empty()).then_some(help);
    Picture { found, source: Some(source), labels, help }
}

/// Bytes as text of the same length: one that is no UTF-8 is shown as `?`.
fn shown_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(std::iter::repeat_n('?', chunk.invalid().len()));
    }
    text
}
