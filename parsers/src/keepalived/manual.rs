//! What of keepalived's language has no effect or is not built, as a table for people: the README shows it, a test keeps it
//! current. All other keywords work.

use std::fmt::Write as _;

use super::hint::{self, BLOCKS};
use super::known::{Effect, unbuilt, words};
use crate::table::{Contexts, Status};

/// A table in Markdown: a line for each block that has such words.
pub fn table() -> String {
    let mut text =
        "| block | taken, without effect | not built: run without | not built: refused |\n|---|---|---|---|\n"
            .to_owned();
    let outside = ("outside of all blocks", Contexts::K_TOP);
    let blocks = BLOCKS.into_iter().filter(|(.., context)| *context != Contexts::NONE);
    for (block, context) in [outside].into_iter().chain(blocks.map(|(_, block, context)| (block, context))) {
        let idle =
            hint::rows().filter(|row| row.contexts.contains(context) && matches!(row.status, Status::Ignored(_)));
        let mut idle: Vec<&str> = idle.map(|row| row.keyword).collect();
        idle.sort_unstable();
        let of = |effect: Effect| words(context).filter(move |word| unbuilt(context, word) == Some(effect));
        let (harmless, harmful): (Vec<&str>, Vec<&str>) =
            (of(Effect::Harmless).collect(), of(Effect::Harmful).collect());
        if !(idle.is_empty() && harmless.is_empty() && harmful.is_empty()) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {block} | {} | {} | {} |", listed(&idle), listed(&harmless), listed(&harmful));
        }
    }
    text
}

fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" ")
}
