//! nginx's `map`: a variable whose value depends on a string.

use std::collections::HashMap;

use super::expr::{Expr, UserVar};
use super::http::Regex;
use crate::source::Span;

/// One `map` block.
#[derive(Clone, Debug)]
pub struct Map {
    /// The string that is looked up.
    pub source: Expr,
    /// The variable that gets the value.
    pub var: UserVar,
    /// Keys as they stand, lower case: looked up without regard to case, before all others.
    pub exact: HashMap<Vec<u8>, Expr>,
    /// `hostnames`: `*.example.com` by its suffix with the dot, lower case; the longest that matches wins.
    pub suffixes: HashMap<Vec<u8>, Expr>,
    /// `hostnames`: `www.*` by its prefix with the dot, lower case; after the suffixes, the longest wins.
    pub prefixes: HashMap<Vec<u8>, Expr>,
    /// `hostnames` was written: names are compared as host names, a dot at their end left aside.
    pub hostnames: bool,
    /// Patterns in order; the first that matches wins, after all others.
    pub patterns: Vec<(Regex, Expr)>,
    /// The value where nothing matches; empty unless written.
    pub default: Expr,
    /// `volatile`: looked up anew at each use.
    pub volatile: bool,
    /// The block.
    pub span: Span,
}

impl Map {
    /// The value for a string (already lower-cased for the tables as needed here); patterns are the caller's business.
    pub fn lookup(&self, text: &[u8]) -> Option<&Expr> {
        let lower = text.to_ascii_lowercase();
        let name = if self.hostnames { lower.strip_suffix(b".").unwrap_or(&lower) } else { &lower };
        self.exact.get(name).or_else(|| self.wildcard(name))
    }

    fn wildcard(&self, name: &[u8]) -> Option<&Expr> {
        if !self.hostnames {
            return None;
        }
        let dots = || name.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at);
        let suffix = dots().find_map(|at| self.suffixes.get(name.get(at..)?));
        let prefix = || {
            let all: Vec<_> = dots().collect();
            all.into_iter().rev().find_map(|at| self.prefixes.get(name.get(..=at)?))
        };
        suffix.or_else(prefix)
    }
}
