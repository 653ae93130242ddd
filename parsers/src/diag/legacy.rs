//! The original's own lines. nginx stops at its first error; keepalived's rules are beside its language.

use super::{Class, Diagnostic};

/// A line of nginx: `nginx: [LEVEL] TEXT` on standard error, `… [LEVEL] PID#TID: TEXT` in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NginxLine<'d> {
    /// `emerg` or `warn`.
    pub level: &'static str,
    /// The text with its place.
    pub text: &'d str,
}

impl std::fmt::Display for NginxLine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "nginx: [{}] {}", self.level, self.text)
    }
}

/// What nginx prints: the warnings up to its first error, and that.
pub fn nginx(diagnostics: &[Diagnostic]) -> Vec<NginxLine<'_>> {
    let mut lines = Vec::new();
    for found in diagnostics {
        match found.legacy.as_ref().map(|line| (line.class, line.line.as_str())) {
            Some((Class::NginxWarn, text)) => lines.push(NginxLine { level: "warn", text }),
            Some((Class::NginxEmerg, text)) => {
                lines.push(NginxLine { level: "emerg", text });
                return lines;
            }
            _ => {}
        }
    }
    lines
}
