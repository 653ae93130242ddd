//! `sub_filter`: strings replaced in answers as they pass.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::gzip_ok::weaken_etag;
use super::has_type;
use crate::proxy::request::RequestCtx;

/// Replaces strings in a body that comes in pieces.
#[derive(Debug)]
pub struct Substitution {
    /// Patterns in lower case with what replaces them, in the order of the file.
    rules: Vec<(Vec<u8>, Vec<u8>)>,
    /// Finds the first of them; none when none is left.
    finder: Option<AhoCorasick>,
    /// Each is replaced only once.
    once: bool,
    /// What may be the beginning of a match.
    held: Vec<u8>,
}

/// Makes a substitution where the answer is of a type for it, and tells so in the head.
pub fn filter(cx: &mut RequestCtx) -> Option<Substitution> {
    if cx.conf().sub.rules.is_empty() {
        return None;
    }
    let location = cx.location.clone();
    let conf = &location.ir.conf.sub;
    if cx.out.content_length == Some(0) || !has_type(&conf.types, &cx.out) {
        return None;
    }
    let rules = conf.rules.iter().map(|rule| (cx.eval(&rule.pattern).to_ascii_lowercase(), cx.eval(&rule.replacement)));
    let rules: Vec<_> = rules.filter(|(pattern, _)| !pattern.is_empty()).collect();
    if rules.is_empty() {
        return None;
    }
    // Without a length no ranges are offered; what a backend says of them stays.
    cx.out.content_length = None;
    if conf.last_modified {
        weaken_etag(cx);
    } else {
        cx.out.last_modified = None;
        cx.out.own_last_modified = false;
        cx.out.fields.remove(b"Last-Modified");
        cx.out.fields.remove(b"ETag");
    }
    Some(Substitution::new(rules, conf.once))
}

impl Substitution {
    fn new(rules: Vec<(Vec<u8>, Vec<u8>)>, once: bool) -> Self {
        let finder = finder(&rules);
        Substitution { rules, finder, once, held: Vec::new() }
    }

    /// Takes bytes; those that cannot begin a match any more are appended to `out`.
    pub fn replace(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.held.extend_from_slice(bytes);
        self.run(false, out);
    }

    /// The rest, at the end of the body.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.run(true, out);
    }

    fn run(&mut self, last: bool, out: &mut Vec<u8>) {
        let held = std::mem::take(&mut self.held);
        let mut at = 0;
        loop {
            let rest = held.get(at..).unwrap_or_default();
            let open = if last { rest.len() } else { self.open_from(rest) };
            let found = self.finder.as_ref().and_then(|finder| finder.find(rest)).filter(|found| found.start() < open);
            let Some(found) = found else {
                out.extend_from_slice(rest.get(..open).unwrap_or_default());
                self.held = rest.get(open..).unwrap_or_default().to_vec();
                return;
            };
            out.extend_from_slice(rest.get(..found.start()).unwrap_or_default());
            at += found.end();
            self.use_rule(found.pattern().as_usize(), out);
        }
    }

    fn use_rule(&mut self, index: usize, out: &mut Vec<u8>) {
        if let Some((_, replacement)) = self.rules.get(index) {
            out.extend_from_slice(replacement);
        }
        if self.once && index < self.rules.len() {
            self.rules.remove(index);
            self.finder = finder(&self.rules);
        }
    }

    /// From where bytes may be the beginning of a match whose end has not come.
    fn open_from(&self, bytes: &[u8]) -> usize {
        let longest = self.rules.iter().map(|(pattern, _)| pattern.len()).max().unwrap_or(0);
        let first = (bytes.len() + 1).saturating_sub(longest);
        let begins = |start: &usize| {
            let tail = bytes.get(*start..).unwrap_or_default();
            let fits = |pattern: &[u8]| pattern.get(..tail.len()).is_some_and(|head| head.eq_ignore_ascii_case(tail));
            self.rules.iter().any(|(pattern, _)| pattern.len() > tail.len() && fits(pattern))
        };
        (first..bytes.len()).find(begins).unwrap_or(bytes.len())
    }
}

/// Of two that match at one place the first in the file counts.
fn finder(rules: &[(Vec<u8>, Vec<u8>)]) -> Option<AhoCorasick> {
    if rules.is_empty() {
        return None;
    }
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).match_kind(MatchKind::LeftmostFirst);
    builder.kind(Some(AhoCorasickKind::ContiguousNFA)).build(rules.iter().map(|(pattern, _)| pattern)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(rules: &[(&str, &str)], once: bool, text: &str, piece: usize) -> String {
        let rules = rules.iter().map(|(pattern, to)| (pattern.to_ascii_lowercase().into(), (*to).into())).collect();
        let mut substitution = Substitution::new(rules, once);
        let mut out = Vec::new();
        for bytes in text.as_bytes().chunks(piece) {
            substitution.replace(bytes, &mut out);
        }
        substitution.finish(&mut out);
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn pieces_make_no_difference() {
        for piece in 1..9 {
            assert_eq!(run(&[("aab", "+"), ("yyz", "-")], false, "aaabAyyzBAAB", piece), "a+A-B+");
            assert_eq!(run(&[("ab", "1"), ("abc", "2")], false, "xabcabx", piece), "x1c1x");
            assert_eq!(run(&[("abc", "2"), ("ab", "1")], false, "xabcabx", piece), "x21x");
            assert_eq!(run(&[("aabb", "+"), ("aaabb", "-")], false, "aabbaaabbaabb", piece), "+-+");
            assert_eq!(run(&[("foo", "bar")], false, "fofoofo", piece), "fobarfo");
        }
    }

    #[test]
    fn once_is_once_for_each() {
        for piece in 1..9 {
            assert_eq!(run(&[("aab", "+"), ("yyz", "-")], true, "yyzyyzaabaabyyz", piece), "-yyz+aabyyz");
        }
    }

    #[test]
    fn only_what_may_begin_a_match_is_held() {
        let mut substitution = Substitution::new(vec![(b"za".to_vec(), b"-".to_vec())], true);
        let mut out = Vec::new();
        substitution.replace(b"xyz", &mut out);
        assert_eq!(out, b"xy");
        substitution.replace(b"b", &mut out);
        assert_eq!(out, b"xyzb");
    }
}
