//! Bytes that go wrong on the way.

use super::case::Token;
use crate::chance::Chance;

const BYTES: &[u8] = b"\r\n\0 \t:;,/?#%\"\\\x01\x7f\x80\xff0a-.+=*";

/// Mostly what it should be.
pub fn line_end(chance: &mut Chance) -> &'static str {
    match chance.below(900) {
        0 => "\n",
        1 => "\n",
        2 => "\r",
        3 => "\r\r\n",
        4 => " \r\n",
        5 => "\n\r\n",
        _ => "\r\n",
    }
}

/// One or two tokens become others.
pub fn mutate(chance: &mut Chance, tokens: &mut Vec<Token>) {
    for _ in 0..1 + chance.below(2) {
        let at = chance.below(tokens.len().max(1));
        match chance.below(10) {
            0 if tokens.len() > 1 => {
                tokens.remove(at);
            }
            1 if at < tokens.len() => tokens.insert(at, tokens[at].clone()),
            2 if tokens.len() > 1 => {
                let other = chance.below(tokens.len());
                tokens.swap(at, other);
            }
            _ => {
                if let Some(Token::Bytes(bytes)) = tokens.get_mut(at) {
                    change(chance, bytes);
                }
            }
        }
    }
}

fn change(chance: &mut Chance, bytes: &mut Vec<u8>) {
    let at = chance.below(bytes.len() + 1);
    match (chance.below(3), at < bytes.len()) {
        (0, true) => {
            bytes.remove(at);
        }
        (1, true) => bytes[at] = chance.one(BYTES),
        _ => bytes.insert(at, chance.one(BYTES)),
    }
}
