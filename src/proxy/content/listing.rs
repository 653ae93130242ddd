//! Lists of files in nginx's three formats. Pure.

use std::io::Write;

use crate::proxy::http::date::{self, Civil};
use crate::proxy::http::html;
use crate::proxy::http::uri::{Escape, escape};

/// Letters of a name that a page shows.
const WIDTH: usize = 50;

/// A file of a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Vec<u8>,
    /// Whether it is a directory.
    pub dir: bool,
    /// `directory`, `file`, `other`.
    pub kind: &'static str,
    /// Bytes.
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
}

/// How a page shows it.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Names are cut by characters, not by bytes.
    pub utf8: bool,
    /// Sizes in bytes.
    pub exact: bool,
    /// Times of this place.
    pub local: bool,
}

/// A page.
pub fn html(uri: &[u8], entries: &[Entry], style: Style) -> Vec<u8> {
    let title = html::escape(uri);
    let mut out = b"<html>\r\n<head><title>Index of ".to_vec();
    out.extend_from_slice(&title);
    out.extend_from_slice(b"</title></head>\r\n<body>\r\n<h1>Index of ");
    out.extend_from_slice(&title);
    out.extend_from_slice(b"</h1><hr><pre><a href=\"../\">../</a>\r\n");
    entries.iter().for_each(|entry| line(entry, style, &mut out));
    out.extend_from_slice(b"</pre><hr></body>\r\n</html>\r\n");
    out
}

fn line(entry: &Entry, style: Style, out: &mut Vec<u8>) {
    let slash: &[u8] = if entry.dir { b"/" } else { b"" };
    out.extend_from_slice(b"<a href=\"");
    escape(&entry.name, Escape::Component, out);
    out.extend_from_slice(slash);
    out.extend_from_slice(b"\">");
    let (shown, width) = shortened(&entry.name, style.utf8);
    out.extend_from_slice(&shown);
    let cut = width > WIDTH;
    let slash = if cut { b"" } else { slash };
    out.extend_from_slice(slash);
    out.extend_from_slice(b"</a>");
    let used = width.min(WIDTH) + slash.len();
    out.resize(out.len() + (WIDTH + 1).saturating_sub(used).max(usize::from(!cut)), b' ');
    let seconds = entry.modified + if style.local { date::local_offset(entry.modified) } else { 0 };
    let Civil { year, day, hour, minute, .. } = Civil::of(seconds);
    // Writing to memory cannot fail.
    let _ = write!(out, "{day:02}-{}-{year} {hour:02}:{minute:02}", Civil::of(seconds).month_name());
    let _ = match (style.exact, entry.dir) {
        (true, true) => write!(out, "{:>20}", "-"),
        (true, false) => write!(out, "{:>20}", entry.size),
        (false, true) => write!(out, "{:>8}", "-"),
        (false, false) => write!(out, "{:>8}", rounded(entry.size)),
    };
    out.extend_from_slice(b"\r\n");
}

/// A name as a page shows it, and its letters.
fn shortened(name: &[u8], utf8: bool) -> (Vec<u8>, usize) {
    let ends: Vec<usize> = match (utf8, std::str::from_utf8(name)) {
        (true, Ok(text)) => text.char_indices().map(|(at, letter)| at + letter.len_utf8()).collect(),
        _ => (1..=name.len()).collect(),
    };
    if ends.len() <= WIDTH {
        return (html::escape(name), ends.len());
    }
    let end = ends.get(WIDTH - 4).copied().unwrap_or(0);
    let mut shown = html::escape(name.get(..end).unwrap_or_default());
    shown.extend_from_slice(b"..&gt;");
    (shown, ends.len())
}

/// A size in `K`, `M`, `G`.
fn rounded(size: u64) -> String {
    let scaled = |shift: u32| (size >> shift) + ((size >> (shift - 1)) & 1);
    match size {
        0..=9999 => size.to_string(),
        10_000..=1_048_575 => format!("{}K", scaled(10)),
        1_048_576..=1_073_741_823 => format!("{}M", scaled(20)),
        _ => format!("{}G", scaled(30)),
    }
}

/// JSON.
pub fn json(entries: &[Entry]) -> Vec<u8> {
    let mut out = b"[".to_vec();
    for (at, entry) in entries.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b"\r\n{ \"name\":\"" } else { b",\r\n{ \"name\":\"" });
        put_json(&entry.name, &mut out);
        let _ = write!(out, "\", \"type\":\"{}\", \"mtime\":\"{}\"", entry.kind, date::http(entry.modified));
        if entry.kind == "file" {
            let _ = write!(out, ", \"size\":{}", entry.size);
        }
        out.extend_from_slice(b" }");
    }
    out.extend_from_slice(b"\r\n]");
    out
}

fn put_json(text: &[u8], out: &mut Vec<u8>) {
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            0..=31 => {
                let _ = write!(out, "\\u{byte:04X}");
            }
            byte => out.push(*byte),
        }
    }
}

/// XML.
pub fn xml(entries: &[Entry]) -> Vec<u8> {
    let mut out = b"<?xml version=\"1.0\"?>\r\n<list>\r\n".to_vec();
    for entry in entries {
        let Civil { year, month, day, hour, minute, second, .. } = Civil::of(entry.modified);
        let _ =
            write!(out, "<{} mtime=\"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z\"", entry.kind);
        if entry.kind == "file" {
            let _ = write!(out, " size=\"{}\"", entry.size);
        }
        out.push(b'>');
        out.extend_from_slice(&html::escape(&entry.name));
        let _ = write!(out, "</{}>\r\n", entry.kind);
    }
    out.extend_from_slice(b"</list>\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: Style = Style { utf8: false, exact: true, local: false };

    fn page(name: &str, style: Style) -> String {
        let entry = Entry { name: name.into(), size: 1_500_000, modified: 1_706_933_106, kind: "file", dir: false };
        let mut out = Vec::new();
        line(&entry, style, &mut out);
        String::from_utf8(out).expect("text")
    }

    /// As nginx 1.31.5 lists them.
    #[test]
    fn lines_have_columns() {
        let expected = format!(
            "<a href=\"a%20b%26c%3Cd%3E.bin\">a b&amp;c&lt;d&gt;.bin</a>{}03-Feb-2024 04:05             1500000\r\n",
            " ".repeat(39)
        );
        assert_eq!(page("a b&c<d>.bin", STYLE), expected);
        let expected = format!("{}..&gt;</a> 03-Feb-2024 04:05             1500000\r\n", "n".repeat(47));
        assert!(page(&"n".repeat(60), STYLE).ends_with(&expected));
        assert!(page("x", Style { exact: false, ..STYLE }).ends_with("04:05      1M\r\n"));
    }

    #[test]
    fn names_are_cut_by_letters() {
        let name = "ф".repeat(60);
        assert!(page(&name, Style { utf8: true, ..STYLE }).contains(&format!(">{}..&gt;</a> ", "ф".repeat(47))));
    }

    #[test]
    fn json_and_xml() {
        let entries = [
            Entry { name: b"d".to_vec(), dir: true, kind: "directory", size: 1, modified: 1_706_933_106 },
            Entry { name: b"q\"".to_vec(), dir: false, kind: "file", size: 3, modified: 1_706_933_106 },
        ];
        let expected = "[\r\n{ \"name\":\"d\", \"type\":\"directory\", \"mtime\":\"Sat, 03 Feb 2024 04:05:06 GMT\" },\r\n\
                        { \"name\":\"q\\\"\", \"type\":\"file\", \"mtime\":\"Sat, 03 Feb 2024 04:05:06 GMT\", \"size\":3 }\r\n]";
        assert_eq!(String::from_utf8_lossy(&json(&entries)), expected);
        let expected = "<?xml version=\"1.0\"?>\r\n<list>\r\n<directory mtime=\"2024-02-03T04:05:06Z\">d</directory>\r\n\
                        <file mtime=\"2024-02-03T04:05:06Z\" size=\"3\">q&quot;</file>\r\n</list>\r\n";
        assert_eq!(String::from_utf8_lossy(&xml(&entries)), expected);
    }
}
