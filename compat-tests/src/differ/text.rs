//! Bytes for people.

use std::fmt::Write;

/// Printable, on one line.
pub fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            byte => {
                let _ = write!(text, "\\x{byte:02x}");
            }
        }
    }
    text
}

/// A long one without its middle.
pub fn shortened(text: &str) -> String {
    const LONGEST: usize = 400;
    if text.len() <= LONGEST || !text.is_ascii() {
        return text.to_owned();
    }
    let (head, tail) = (&text[..LONGEST / 2], &text[text.len() - LONGEST / 4..]);
    format!("{head} …({} bytes)… {tail}", text.len())
}
