//! Sets of words from a fixed list: nginx's bit masks, and single words of such a list.

use super::{Cx, Fault, Value, Words};
use crate::source::Spanned;
use crate::syntax::tree::{Directive, Word};

/// A word and what it stands for.
pub type Flag<T> = (&'static str, T);

/// The meaning of one word.
///
/// # Errors
/// `invalid value "x"`.
pub(super) fn one_of<T: Copy>(word: &Word, list: &[Flag<T>]) -> Result<T, Fault> {
    let found = list.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name.as_bytes()));
    found.map(|(_, meaning)| *meaning).ok_or_else(|| invalid(word, list.iter().map(|(name, _)| *name)))
}

fn invalid(word: &Word, names: impl Iterator<Item = &'static str>) -> Fault {
    let names = names.collect::<Vec<_>>().join(", ");
    Fault::new(format!("invalid value \"{}\"", word.lossy())).at(word.span).help(format!("one of {names}"))
}

/// All words of a directive as a set of bits; a word said twice is a warning.
///
/// # Errors
/// `invalid value "x"`.
pub(super) fn bits(directive: &Directive, list: &[Flag<u32>], cx: &mut Cx) -> Result<u32, Fault> {
    let mut all = 0;
    for word in &directive.args {
        let bit = one_of(word, list)?;
        if all & bit != 0 {
            let text = format!("duplicate value \"{}\"", word.lossy());
            cx.warn(directive, "nginx::duplicate-value", text, word.span);
        }
        all |= bit;
    }
    Ok(all)
}

/// The words a directive that is kept as words may have.
fn allowed(keyword: &str) -> &'static [&'static str] {
    match keyword {
        "keepalive_disable" => &["none", "msie6", "safari"],
        "userid_flags" => &["off", "secure", "httponly", "samesite=strict", "samesite=lax", "samesite=none"],
        ignored if ignored.ends_with("_ignore_headers") => &[
            "X-Accel-Redirect",
            "X-Accel-Expires",
            "X-Accel-Limit-Rate",
            "X-Accel-Buffering",
            "X-Accel-Charset",
            "Expires",
            "Cache-Control",
            "Set-Cookie",
            "Vary",
        ],
        protocols if protocols.ends_with("ssl_protocols") => {
            &["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]
        }
        _ => &[],
    }
}

/// Reads words of a fixed list; several lines add up.
///
/// # Errors
/// `invalid value "x"`.
pub fn set_flags(field: &mut Option<Spanned<Words>>, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
    let names = allowed(&directive.name.lossy());
    for word in &directive.args {
        if !names.iter().any(|name| word.text.eq_ignore_ascii_case(name.as_bytes())) {
            return Err(invalid(word, names.iter().copied()));
        }
    }
    let words = Words::parse(directive, cx)?;
    let field = field.get_or_insert_with(|| Spanned::new(Words::default(), directive.span));
    for word in words.0 {
        if field.value.0.iter().any(|known| known.eq_ignore_ascii_case(&word)) {
            cx.warn(directive, "nginx::duplicate-value", format!("duplicate value \"{word}\""), directive.span);
        } else {
            field.value.0.push(word);
        }
    }
    Ok(())
}
