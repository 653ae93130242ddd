//! The scripts that keepalived.conf names are the operator's, for his own boxes: a simulation runs none of them. Pure.

use std::path::{Path, PathBuf};

use rkeep_parsers::source::{Loader, SourceMap};
use rkeep_parsers::syntax::keepalived::{Item, Source, read};
use rkeep_parsers::syntax::tree::Word;

/// Programs of the system may run: what they touch is the box's own.
const SYSTEM: [&str; 6] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/lib", "/dev"];

/// A script by its path, and where it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The path.
    pub path: PathBuf,
    /// `FILE:LINE`
    pub place: String,
}

/// All scripts that a configuration would run, programs of the system left out.
pub fn named(path: &Path, loader: &dyn Loader) -> Vec<Script> {
    let mut scripts: Vec<Script> = Vec::new();
    for path in loader.glob(path) {
        let Ok(bytes) = loader.load(&path) else { continue };
        let mut sources = SourceMap::default();
        for line in read(&Source { loader, config_id: "", old: false }, &path, bytes, &mut sources, &mut Vec::new()) {
            let Item::Words { words, .. } = &line.item else { continue };
            let place = sources.place(line.span);
            let new = paths(words).filter(|path| !scripts.iter().any(|known| known.path == *path));
            let new: Vec<Script> = new.map(|path| Script { path, place: place.clone() }).collect();
            scripts.extend(new);
        }
    }
    scripts
}

/// The paths in a command: a shell's script counts like a program.
fn paths(words: &[Word]) -> impl Iterator<Item = PathBuf> {
    let commands = words.split_first().filter(|(keyword, _)| runs(&keyword.lossy())).map_or(&[][..], |(_, rest)| rest);
    let parts = commands.iter().flat_map(|word| {
        word.lossy().split_whitespace().map(|part| part.trim_matches(['"', '\'']).to_owned()).collect::<Vec<_>>()
    });
    parts.map(PathBuf::from).filter(|path| path.is_absolute() && !SYSTEM.iter().any(|system| path.starts_with(system)))
}

/// Whether a keyword's value is run.
fn runs(keyword: &str) -> bool {
    let fifo = keyword.ends_with("fifo");
    !fifo && (keyword.starts_with("notify") || keyword.ends_with("script"))
        || ["quorum_up", "quorum_down", "misc_path"].contains(&keyword)
}

#[cfg(test)]
mod tests {
    use rkeep_parsers::source::MapLoader;

    use super::*;

    #[test]
    fn scripts_are_found_wherever_they_are_run() {
        let text = "vrrp_script c {\n script \"/opt/check.sh -v\"\n}\nvrrp_instance A {\n notify_master \"/bin/sh \
                    /srv/up.sh\"\n notify /opt/check.sh\n notify_fifo /run/fifo\n interface eth0\n}\n";
        let loader = MapLoader::default().file("/k.conf", text);
        let script = |path: &str, line: u32| Script { path: path.into(), place: format!("/k.conf:{line}") };
        assert_eq!(named(Path::new("/k.conf"), &loader), [script("/opt/check.sh", 2), script("/srv/up.sh", 5)]);
    }
}
