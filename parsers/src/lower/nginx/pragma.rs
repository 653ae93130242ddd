//! Pragmas of nginx.conf.

use crate::diag::Diagnostic;
use crate::lower::compat;
use crate::source::{FileId, Span};
use crate::syntax::pragma;
use crate::table::Cx;

/// Reads the pragmas of all files.
pub(super) fn read(cx: &mut Cx) {
    let sources = cx.sources.clone();
    for (file, source) in sources.iter() {
        let mut start = 0;
        for line in source.bytes.split(|byte| *byte == b'\n') {
            one(line, file, start, cx);
            start += line.len() + 1;
        }
    }
}

fn one(line: &[u8], file: FileId, start: usize, cx: &mut Cx) {
    let indent = line.len() - line.trim_ascii_start().len();
    let Some(text) = pragma::of_line(line) else { return };
    let span = Span { file, start: (start + indent) as u32, end: (start + line.trim_ascii_end().len()) as u32 };
    let text = String::from_utf8_lossy(text);
    let mut words = text.split_ascii_whitespace();
    let complaint = match words.next() {
        Some("compat") => compat::releases(words, &mut cx.compat),
        Some(name) => Some(format!("unknown pragma \"{name}\"")),
        None => Some("a pragma without a name".to_owned()),
    };
    if let Some(complaint) = complaint {
        let help = format!("the pragmas are: compat {}", compat::of_nginx());
        cx.diagnostics.push(Diagnostic::error("rkeep::pragma", complaint).at(span, "").help(help));
    }
}
