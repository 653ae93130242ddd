//! Patterns: compiled once while the file is read, to know that they can be and what they capture.

use pcre2::bytes::RegexBuilder;

use super::http::Regex;
use crate::source::Span;
use crate::table::{Cx, Fault};

impl Regex {
    /// Compiles a pattern; its named groups become variables.
    ///
    /// # Errors
    /// `pcre2_compile() failed: …` in PCRE's words.
    pub fn compile(pattern: &[u8], caseless: bool, at: Span, cx: &mut Cx) -> Result<Regex, Fault> {
        let pattern = String::from_utf8_lossy(pattern).into_owned();
        let compiled = RegexBuilder::new().caseless(caseless).build(&pattern);
        let compiled = compiled.map_err(|error| Fault::new(complaint(&pattern, &error)).at(at))?;
        let names = compiled.capture_names().iter().enumerate();
        let named = names.filter_map(|(group, name)| Some((group as u16, name.as_deref()?)));
        let names = named.map(|(group, name)| (group, cx.variables.define(&name.to_ascii_lowercase(), at))).collect();
        Ok(Regex { groups: compiled.captures_len().saturating_sub(1) as u16, names, pattern, caseless })
    }
}

/// nginx's words about a pattern that PCRE refuses.
fn complaint(pattern: &str, error: &pcre2::Error) -> String {
    let offset = error.offset().unwrap_or(pattern.len());
    let shown = error.to_string();
    // The crate writes "PCRE2: error compiling pattern at offset N: WORDS".
    let words = shown.splitn(3, ": ").nth(2).unwrap_or(&shown);
    match pattern.get(offset..).filter(|rest| !rest.is_empty()) {
        Some(rest) => format!("pcre2_compile() failed: {words} in \"{pattern}\" at \"{rest}\""),
        None => format!("pcre2_compile() failed: {words} in \"{pattern}\""),
    }
}
