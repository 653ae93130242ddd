//! `log_format`, and the one that is built in.

use super::Lowering;
use crate::ir::expr::{Expr, Part};
use crate::ir::http::{Escape, LogFormat};
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};
use crate::table::Fault;

const COMBINED: &[u8] = br#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

impl Lowering<'_> {
    pub(super) fn built_in_format(&mut self) {
        let line = Expr::compile(COMBINED, Span::NONE, &mut self.cx).unwrap_or_default();
        self.add_format("combined".to_owned(), Escape::Default, line);
    }

    fn add_format(&mut self, name: String, escape: Escape, line: Expr) {
        self.cx.log_formats.push(name.clone());
        self.ir.formats.push(LogFormat { name, escape, line });
    }

    pub(super) fn log_format(&mut self, directive: &Directive) -> Result<(), Fault> {
        let name = directive.arg(0);
        if self.cx.log_formats.iter().any(|known| name.is(known)) {
            let text = format!("duplicate \"log_format\" name \"{}\"", name.lossy());
            return Err(Fault::new(text).at(name.span));
        }
        let mut words = directive.args.get(1..).unwrap_or_default();
        let mut escape = Escape::Default;
        if let Some((word, rest)) = words.split_first()
            && let Some(kind) = word.text.strip_prefix(b"escape=")
        {
            escape = match kind {
                b"default" => Escape::Default,
                b"json" => Escape::Json,
                b"none" => Escape::None,
                _ => {
                    let text = format!("unknown log format escaping \"{}\"", String::from_utf8_lossy(kind));
                    return Err(Fault::new(text).at(word.span).help("one of default, json, none"));
                }
            };
            words = rest;
        }
        let mut parts = Vec::new();
        for word in words {
            let compiled = Expr::of(word, &mut self.cx).map_err(|fault| in_format(fault, word))?;
            compiled.parts.into_iter().for_each(|part| join(&mut parts, part));
        }
        self.add_format(name.lossy().into_owned(), escape, Expr { parts: parts.into() });
        Ok(())
    }
}

/// nginx says what follows the `$` where a name is missing.
fn in_format(fault: Fault, word: &Word) -> Fault {
    let named =
        |next: Option<&u8>| next.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'{'));
    let at = |at: &usize| word.text.get(*at) == Some(&b'$') && !named(word.text.get(at + 1));
    match (0..word.text.len()).find(at) {
        Some(at) if fault.text == "invalid variable name" => {
            let rest = String::from_utf8_lossy(word.text.get(at..).unwrap_or_default());
            Fault { text: format!("invalid parameter \"{rest}\""), ..fault }
        }
        _ => fault,
    }
}

/// Adds a part; text after text is one text.
fn join(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), part) {
        (Some(Part::Text(before)), Part::Text(text)) => *before = [&before[..], &text].concat().into(),
        (_, part) => parts.push(part),
    }
}
