//! What differs between the files in force and those on the disk. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use similar::TextDiff;

use crate::host::bundle::Bundle;

/// All that differs, file by file, as `diff -u` shows it.
pub(super) fn render(name: &str, old: &Bundle, new: &Bundle) -> String {
    let (old, new): (BTreeMap<_, _>, BTreeMap<_, _>) = (old.files().collect(), new.files().collect());
    let mut paths: Vec<&Path> = old.keys().chain(new.keys()).copied().collect();
    paths.sort_unstable();
    paths.dedup();
    let text =
        |files: &BTreeMap<&Path, &[u8]>, path| files.get(path).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let changes: String = paths.iter().map(|path| file(path, text(&old, *path), text(&new, *path))).collect();
    match changes.is_empty() {
        true => format!("{name}: the files have not changed\n"),
        false => changes,
    }
}

fn file(path: &Path, old: Option<String>, new: Option<String>) -> String {
    if old == new {
        return String::new();
    }
    let shown = path.display().to_string();
    let side = |text: &Option<String>| if text.is_some() { shown.clone() } else { "/dev/null".to_owned() };
    let (before, after) = (format!("{} (in force)", side(&old)), side(&new));
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    TextDiff::from_lines(&old, &new).unified_diff().context_radius(2).header(&before, &after).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(files: &[(&str, &str)]) -> Bundle {
        let mut bundle = Bundle::default();
        files.iter().for_each(|(path, text)| bundle.insert(path.into(), text.as_bytes().into()));
        bundle
    }

    #[test]
    fn only_what_differs_is_shown() {
        let old = bundle(&[("/a", "one\ntwo\n"), ("/same", "x\n"), ("/gone", "y\n")]);
        let new = bundle(&[("/a", "one\n2\n"), ("/same", "x\n")]);
        let shown = render("nginx", &old, &new);
        let expected = "--- /a (in force)\n+++ /a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n\
                        --- /gone (in force)\n+++ /dev/null\n@@ -1 +0,0 @@\n-y\n";
        assert_eq!(shown, expected);
        assert_eq!(render("nginx", &new, &new), "nginx: the files have not changed\n");
    }
}
