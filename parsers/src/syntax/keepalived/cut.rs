//! A file cut into lines, a line cut at comments and braces.

use super::words::is_blank;
use super::{Item, Text};

/// keepalived reads lines into a buffer of 1024 bytes, the last of which ends the string.
const LONGEST: usize = 1023;

/// The lines of a file with their first bytes' places; a line that is too long comes in pieces, all but the last of
/// which are marked.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8], bool)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let left = bytes.get(at..).filter(|left| !left.is_empty())?;
        let line = left.iter().position(|byte| *byte == b'\n').map_or(left.len(), |feed| feed + 1);
        let (start, too_long) = (at, line > LONGEST && left.get(LONGEST) != Some(&b'\n'));
        let length = if too_long { LONGEST } else { line };
        at += length;
        Some((start, left.get(..length).unwrap_or_default(), too_long))
    })
}

/// A line without its comment and without blanks around it, and whether a `"` was left open. `\#` and `\!` outside of
/// quotes are the characters themselves.
pub(super) fn comment(line: &Text) -> (Text, bool) {
    let (mut out, mut quoted) = (Text::default(), false);
    let bytes = line.bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b'\\', Some(b'#' | b'!')) if !quoted => {
                out.push(line, at + 1..at + 2);
                at += 1;
            }
            (b'\\', Some(b'"')) => {
                out.push(line, at..at + 2);
                at += 1;
            }
            (b'#' | b'!', _) if !quoted => break,
            _ => {
                quoted ^= byte == b'"';
                out.push(line, at..at + 1);
            }
        }
        at += 1;
    }
    let out = out.trimmed();
    match out.bytes().split_last() {
        Some((b'\\', before)) => (without_blanks_before_end(&out, before), quoted),
        _ => (out, quoted),
    }
}

/// keepalived joins a `\` at the end of a line to the word before it.
fn without_blanks_before_end(line: &Text, before: &[u8]) -> Text {
    let kept = before.len() - before.iter().rev().take_while(|byte| is_blank(**byte)).count();
    let mut joined = line.slice(0..kept);
    joined.push(line, before.len()..before.len() + 1);
    joined
}

/// A line cut at its braces: texts (not empty) and `{`, `}` with their places.
pub(super) fn braces(line: &Text) -> Vec<(Text, Option<Item>)> {
    let (mut parts, mut start, mut quoted) = (Vec::new(), 0, false);
    let bytes = line.bytes();
    for (at, &byte) in bytes.iter().enumerate() {
        quoted ^= byte == b'"';
        let brace = match byte {
            b'{' if !quoted => Item::Open,
            b'}' if !quoted => Item::Close,
            _ => continue,
        };
        parts.push((line.slice(start..at).trimmed(), None));
        parts.push((line.slice(at..at + 1), Some(brace)));
        start = at + 1;
    }
    parts.push((line.slice(start..bytes.len()).trimmed(), None));
    parts.retain(|(text, _)| !text.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn text(line: &str) -> Text {
        Text::of_file(FileId(0), 0, line.as_bytes())
    }

    #[test]
    fn comments_end_a_line_anywhere_but_in_quotes() {
        let cut = |line: &str| String::from_utf8_lossy(comment(&text(line)).0.bytes()).into_owned();
        assert_eq!(cut("  root@linuxzen.com# mail\r\n"), "root@linuxzen.com");
        assert_eq!(cut("router_id \"a#b!c\" ! x"), "router_id \"a#b!c\"");
        assert_eq!(cut("router_id a\\#b"), "router_id a#b");
    }

    #[test]
    fn a_long_line_comes_in_pieces() {
        let file = [vec![b'x'; 2000], b"\ny\n".to_vec()].concat();
        let found: Vec<_> = lines(&file).map(|(start, line, long)| (start, line.len(), long)).collect();
        assert_eq!(found, [(0, 1023, true), (1023, 978, false), (2001, 2, false)]);
    }

    #[test]
    fn braces_stand_alone() {
        let cut = braces(&text("vips { 10.0.0.1 } \"a{b\""));
        let shown: Vec<_> = cut.iter().map(|(text, _)| String::from_utf8_lossy(text.bytes()).into_owned()).collect();
        assert_eq!(shown, ["vips", "{", "10.0.0.1", "}", "\"a{b\""]);
    }
}
