//! A case made as small as it can be while it still shows what it showed.

use super::case::{Case, Reply, Token};

/// Smaller cases, largest steps first.
fn smaller(case: &Case) -> Vec<Case> {
    let mut cases = Vec::new();
    for nth in (0..case.replies.len()).rev() {
        let mut replies = case.replies.clone();
        replies.remove(nth);
        cases.push(Case { replies, ..case.clone() });
    }
    for client in fewer(&case.client) {
        cases.push(Case { client, ..case.clone() });
    }
    for (nth, reply) in case.replies.iter().enumerate() {
        for tokens in fewer(&reply.tokens) {
            let mut replies = case.replies.clone();
            replies[nth] = Reply { tokens, end: reply.end };
            cases.push(Case { replies, ..case.clone() });
        }
    }
    cases
}

/// The same tokens without some, or with a shorter one.
fn fewer(tokens: &[Token]) -> Vec<Vec<Token>> {
    let without = |nth: usize| [&tokens[..nth], &tokens[nth + 1..]].concat();
    let mut all: Vec<Vec<Token>> = (0..tokens.len()).map(without).collect();
    for (nth, token) in tokens.iter().enumerate() {
        if let Token::Bytes(bytes) = token {
            for bytes in shorter(bytes) {
                let mut tokens = tokens.to_vec();
                tokens[nth] = Token::Bytes(bytes);
                all.push(tokens);
            }
        }
    }
    all
}

/// Only what is not long by itself is cut: each cut costs a conversation.
fn shorter(bytes: &[u8]) -> Vec<Vec<u8>> {
    let cut = |from: usize, to: usize| [&bytes[..from], &bytes[to..]].concat();
    match bytes.len() {
        0..=1 => Vec::new(),
        2..=24 => (0..bytes.len()).map(|at| cut(at, at + 1)).collect(),
        length => (0..8).map(|part| cut(part * length / 8, (part + 1) * length / 8)).collect(),
    }
}

/// The smallest that `differs` still says yes to, with at most so many questions.
pub fn minimise(case: &Case, mut questions: usize, mut differs: impl FnMut(&Case) -> bool) -> Case {
    let mut smallest = case.clone();
    'again: loop {
        for candidate in smaller(&smallest) {
            if questions == 0 {
                return smallest;
            }
            questions -= 1;
            if differs(&candidate) {
                smallest = candidate;
                continue 'again;
            }
        }
        return smallest;
    }
}
