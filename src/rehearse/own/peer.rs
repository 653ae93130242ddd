//! The other director's keepalived.conf, made from the one that is there: BACKUP, a lower priority, the other's addresses.
//! Only the words that must differ are replaced, so everything else stays as the operator wrote it. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rkeep_parsers::source::{Loader, SourceMap, Span};
use rkeep_parsers::syntax::keepalived::{Item, Line, Source, read};
use rkeep_parsers::syntax::tree::Word;

/// How much lower the priority is, where there is room.
const LOWER_BY: u8 = 10;

/// Files with what is replaced in them, and what was done in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Derived {
    /// By their paths.
    pub files: BTreeMap<PathBuf, Vec<u8>>,
    /// Each change once.
    pub changes: Vec<String>,
}

/// Derives them: `path` is the main file, `pairs` are this director's own addresses, each with the other's in its place.
pub fn derive(path: &Path, loader: &dyn Loader, pairs: &[(IpAddr, IpAddr)]) -> Derived {
    let mut derived = Derived::default();
    for path in loader.glob(path) {
        let Ok(bytes) = loader.load(&path) else { continue };
        let mut sources = SourceMap::default();
        let lines = read(&Source { loader, config_id: "", old: false }, &path, bytes, &mut sources, &mut Vec::new());
        let edits = edits(&lines, pairs);
        for (id, file) in sources.iter() {
            let own = edits.iter().filter(|edit| edit.at.file == id).collect();
            derived.files.insert(file.path.clone(), replaced(&file.bytes, own));
        }
        derived.changes.extend(edits.iter().map(|edit| format!("{}: {}", sources.place(edit.at), edit.what)));
    }
    derived
}

struct Edit {
    at: Span,
    to: String,
    what: String,
}

/// What must differ inside of `vrrp_instance` blocks.
fn edits(lines: &[Line], pairs: &[(IpAddr, IpAddr)]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let (mut depth, mut inside) = (0u32, false);
    for line in lines {
        match &line.item {
            Item::Open => depth += 1,
            Item::Close => depth = depth.saturating_sub(1),
            Item::Words { words, .. } if depth == 0 => {
                inside = words.first().is_some_and(|word| word.is("vrrp_instance"));
            }
            Item::Words { words, .. } if inside => edits.extend(edited(words, pairs)),
            Item::Words { .. } | Item::Pragma(_) | Item::Trouble(_) => {}
        }
    }
    // A definition may be used twice and is replaced once.
    edits.sort_by_key(|edit: &Edit| (edit.at.file.0, edit.at.start));
    edits.dedup_by_key(|edit| (edit.at.file, edit.at.start));
    edits
}

fn edited(words: &[Word], pairs: &[(IpAddr, IpAddr)]) -> Vec<Edit> {
    let edit = |word: &Word, to: String| {
        let what = format!("{} becomes {to}", word.lossy());
        Edit { at: word.span, to, what }
    };
    match words {
        [name, value, ..] if name.is("state") && !value.is("BACKUP") => vec![edit(value, "BACKUP".to_owned())],
        [name, value, ..] if name.is("priority") => {
            let lowered = value.lossy().parse().ok().map(lower);
            lowered.map(|lower| edit(value, lower.to_string())).into_iter().collect()
        }
        _ => {
            let swapped = |word: &Word| swap(word, pairs).map(|to| edit(word, to.to_string()));
            words.iter().filter_map(swapped).collect()
        }
    }
}

fn lower(priority: u8) -> u8 {
    if priority > 2 * LOWER_BY { priority - LOWER_BY } else { (priority / 2).max(1) }
}

/// One's own address and the other's change places.
fn swap(word: &Word, pairs: &[(IpAddr, IpAddr)]) -> Option<IpAddr> {
    let address: IpAddr = word.lossy().parse().ok()?;
    pairs.iter().find_map(|(own, other)| match address {
        address if address == *own => Some(*other),
        address if address == *other => Some(*own),
        _ => None,
    })
}

/// The bytes with words replaced.
fn replaced(bytes: &[u8], mut edits: Vec<&Edit>) -> Vec<u8> {
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.at.start));
    let mut text = bytes.to_vec();
    for edit in edits {
        let (start, end) = (edit.at.start as usize, edit.at.end as usize);
        if start <= end && end <= text.len() {
            text.splice(start..end, edit.to.bytes());
        }
    }
    text
}

/// A file in which one's own addresses become the other's, wherever they stand by themselves. What is no text stays.
pub fn swap_addresses(bytes: &[u8], pairs: &[(IpAddr, IpAddr)]) -> Vec<u8> {
    let Ok(text) = std::str::from_utf8(bytes) else { return bytes.to_vec() };
    let swap = |text: String, (own, other): &(IpAddr, IpAddr)| {
        replace_address(&text, &own.to_string(), &other.to_string(), own.is_ipv6())
    };
    pairs.iter().fold(text.to_owned(), swap).into_bytes()
}

fn replace_address(text: &str, from: &str, to: &str, ipv6: bool) -> String {
    let part = |byte: Option<u8>| {
        byte.is_some_and(|byte| match ipv6 {
            true => byte.is_ascii_hexdigit() || byte == b':',
            false => byte.is_ascii_digit() || byte == b'.',
        })
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = 0;
    for (at, _) in text.match_indices(from) {
        let after = text.as_bytes().get(at + from.len()).copied();
        let before = at.checked_sub(1).and_then(|before| text.as_bytes().get(before).copied());
        if at >= rest && !part(before) && !part(after) {
            out += text.get(rest..at).unwrap_or_default();
            out += to;
            rest = at + from.len();
        }
    }
    out + text.get(rest..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::source::MapLoader;

    use super::*;

    const OWN: &str = "global_defs {\n router_id A\n}\nvrrp_instance VI_1 { # ours\n  state MASTER # first\n  interface \
                       eth0\n  priority 150\n  unicast_src_ip 10.0.0.1\n  unicast_peer {\n    10.0.0.2\n  }\n  \
                       virtual_ipaddress {\n    10.0.0.9\n  }\n}\nvirtual_server 10.0.0.9 80 {\n  real_server 10.0.0.1 \
                       80 {\n  }\n}\n";

    fn pairs(pairs: &[&str]) -> Vec<(IpAddr, IpAddr)> {
        let parse = |pair: &&str| pair.split_once(' ').map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap()));
        pairs.iter().filter_map(parse).collect()
    }

    #[test]
    fn only_what_must_differ_does() {
        let loader = MapLoader::default().file("/k.conf", OWN);
        let derived = derive(Path::new("/k.conf"), &loader, &pairs(&["10.0.0.1 10.0.0.2"]));
        let text = String::from_utf8(derived.files[Path::new("/k.conf")].clone()).unwrap();
        let expected = OWN
            .replace("state MASTER", "state BACKUP")
            .replace("priority 150", "priority 140")
            .replace("unicast_src_ip 10.0.0.1", "unicast_src_ip 10.0.0.2")
            .replace("    10.0.0.2\n", "    10.0.0.1\n");
        assert_eq!(text, expected);
        assert_eq!(derived.changes.len(), 4, "{:?}", derived.changes);
        assert_eq!(derived.changes[0], "/k.conf:5: MASTER becomes BACKUP");
    }

    #[test]
    fn low_priorities_have_lower_ones_too() {
        assert_eq!([255, 100, 20, 2, 1].map(lower), [245, 90, 10, 1, 1]);
    }

    #[test]
    fn addresses_are_replaced_whole() {
        let pairs = pairs(&["10.0.0.1 10.0.0.2", "fd00::1 fd00::2"]);
        let text = swap_addresses(b"listen 10.0.0.1:80; server 10.0.0.11; server 110.0.0.1; # 10.0.0.1", &pairs);
        assert_eq!(text, b"listen 10.0.0.2:80; server 10.0.0.11; server 110.0.0.1; # 10.0.0.2");
        let text = swap_addresses(b"listen [fd00::1]:80; server [fd00::11]:80; deny fd00::1;", &pairs);
        assert_eq!(text, b"listen [fd00::2]:80; server [fd00::11]:80; deny fd00::2;");
        assert_eq!(swap_addresses(b"\xff 10.0.0.1", &pairs), b"\xff 10.0.0.1");
    }
}
