//! PCRE patterns, each compiled once however often it is written, and the captures of a match.

use std::collections::HashMap;
use std::sync::Arc;

use pcre2::bytes::RegexBuilder;
use rkeep_parsers::ir::expr::UserVar;
use rkeep_parsers::ir::http;

use super::request::{Captures, RequestCtx};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Regex {
    pattern: Arc<pcre2::bytes::Regex>,
    groups: usize,
    names: Vec<(u16, UserVar)>,
}

/// Compiles patterns, each once.
#[derive(Debug, Default)]
pub struct Regexes {
    known: HashMap<(String, bool), Arc<pcre2::bytes::Regex>>,
}

impl Regexes {
    /// The compiled form of a pattern.
    ///
    /// # Errors
    /// What PCRE says.
    pub fn compile(&mut self, ir: &http::Regex) -> Result<Regex, String> {
        let key = (ir.pattern.clone(), ir.caseless);
        let pattern = match self.known.get(&key) {
            Some(pattern) => pattern.clone(),
            None => {
                let built = RegexBuilder::new().caseless(ir.caseless).jit_if_available(true).build(&ir.pattern);
                let built = Arc::new(built.map_err(|error| format!("pcre2_compile() failed: {error}"))?);
                self.known.insert(key, built.clone());
                built
            }
        };
        Ok(Regex { groups: pattern.captures_len(), pattern, names: ir.names.clone() })
    }
}

impl Regex {
    /// Whether it matches.
    pub fn is_match(&self, subject: &[u8]) -> bool {
        self.pattern.is_match(subject).unwrap_or(false)
    }

    /// Where its groups are in `subject`, if it matches.
    pub fn captures(&self, subject: &[u8]) -> Option<Captures> {
        let mut places = self.pattern.capture_locations();
        self.pattern.captures_read(&mut places, subject).ok().flatten()?;
        Some(Captures { subject: subject.to_vec(), groups: (0..self.groups).map(|n| places.get(n)).collect() })
    }

    /// Matches for a request: its `$1` …, and the variables of named groups, are set on success. A pattern without
    /// groups leaves them as they are.
    pub fn run(&self, cx: &RequestCtx, subject: &[u8]) -> bool {
        let Some(found) = self.captures(subject) else { return false };
        for (var, value) in self.named(&found) {
            cx.set_user(var, value);
        }
        *cx.captures.borrow_mut() = found;
        true
    }

    /// The variables of named groups and their values.
    pub fn named(&self, found: &Captures) -> Vec<(UserVar, Vec<u8>)> {
        self.names.iter().map(|(group, var)| (*var, found.get(usize::from(*group)).to_vec())).collect()
    }

    /// The pattern as written.
    pub fn shown(&self) -> &str {
        self.pattern.as_str()
    }

    /// How many groups it has, the whole match not counted.
    pub fn group_count(&self) -> usize {
        self.groups.saturating_sub(1)
    }
}
