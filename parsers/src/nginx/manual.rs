//! What of nginx's language works, as a table for people: the README shows it, a test keeps it current.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::table::{Row, Status};

/// The directives of one module by what becomes of them.
#[derive(Default)]
struct Kinds {
    works: Vec<&'static str>,
    idle: Vec<&'static str>,
    refused: Vec<&'static str>,
}

/// All rows of nginx's language, by module and keyword.
pub fn rows() -> Vec<&'static Row> {
    let mut rows: Vec<_> = crate::lower::nginx::index().entries().map(|entry| entry.row).collect();
    rows.sort_by_key(|row| (row.module, row.keyword));
    rows
}

/// Whether a directive of this kind works.
pub fn works(kind: impl Fn(&Row) -> bool) -> bool {
    rows().iter().any(|row| kind(row) && matches!(row.status, Status::Works | Status::Proof(_)))
}

/// A table in Markdown: a line for each module.
pub fn table() -> String {
    let mut modules: BTreeMap<&str, Kinds> = BTreeMap::new();
    for row in rows() {
        let kinds = modules.entry(row.module).or_default();
        let list = match row.status {
            Status::Works | Status::Proof(_) => &mut kinds.works,
            Status::Ignored(_) => &mut kinds.idle,
            Status::Refused(_) => &mut kinds.refused,
        };
        if !list.contains(&row.keyword) {
            list.push(row.keyword);
        }
    }
    let mut text = "| module | works | taken, without effect | refused |\n|---|---|---|---|\n".to_owned();
    for (module, Kinds { works, idle, refused }) in modules {
        let module = module.trim_start_matches("ngx_").trim_end_matches("_module");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {module} | {} | {} | {} |", listed(&works), listed(&idle), listed(&refused));
    }
    text
}

/// Many names of one family are told by their beginning.
fn listed(names: &[&str]) -> String {
    const MANY: usize = 12;
    let family = names.first().and_then(|name| name.split_once('_')).map_or("", |(family, _)| family);
    let related = names.iter().filter(|name| name.starts_with(family)).count();
    match names.len() > MANY && related == names.len() && !family.is_empty() {
        true => format!("`{family}_…` ({})", names.len()),
        false => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" "),
    }
}
