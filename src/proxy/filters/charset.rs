//! `charset`: the character set told to clients.

use rkeep_parsers::ir::expr::Expr;
use rkeep_parsers::nginx::Charset;
use rkeep_parsers::table::value::MediaTypes;

use crate::proxy::response::ResponseHead;

/// Names the character set of an answer whose type is among `charset_types` and that does not name one itself.
pub fn apply(conf: &Charset, answer: &mut ResponseHead, mut eval: impl FnMut(&Expr) -> Vec<u8>) {
    let Some(expr) = &conf.charset.0 else { return };
    let encoded = answer.fields.has(b"Content-Encoding");
    if encoded || answer.content_type.is_empty() || !answer.charset.is_empty() {
        return;
    }
    if (answer.charset_open || conf.override_) && contains(&conf.types, &answer.content_type) {
        answer.charset = eval(expr);
    }
}

/// Whether a media type, parameters cut off, is in a set.
pub fn contains(types: &MediaTypes, content_type: &[u8]) -> bool {
    let end = content_type.iter().position(|&byte| byte == b';').unwrap_or(content_type.len());
    let bare = content_type.get(..end).unwrap_or_default().trim_ascii_end();
    types.all || types.types.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rkeep_parsers::table::value::CharsetName;

    use super::*;

    #[test]
    fn only_open_text() {
        let types = MediaTypes { all: false, types: Arc::new(vec!["text/plain".into()]) };
        let conf = Charset { charset: CharsetName(Some(Expr::text("utf-8"))), types, ..Charset::default() };
        let named = |content_type: &[u8], open| {
            let mut head =
                ResponseHead { content_type: content_type.to_vec(), charset_open: open, ..ResponseHead::default() };
            apply(&conf, &mut head, |expr| expr.as_text().unwrap_or_default().to_vec());
            head.charset
        };
        assert_eq!(named(b"text/plain", true), b"utf-8");
        assert_eq!(named(b"text/plain", false), b"");
        assert_eq!(named(b"image/png", true), b"");
    }
}
