//! Keywords that keepalived knows and rkeep has not built yet, and what that means to an operator; old words and what
//! became of them.

use crate::table::Contexts as C;

/// What it means that a keyword is not built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing an operator would miss: a warning, and rkeep runs on.
    Harmless,
    /// The pair would not behave as written: rkeep refuses to run.
    Harmful,
}

const HARMLESS: &[(C, &str)] = &[
    (C::K_TOP, "garp_group SSL track_group"),
    (C::K_SYNC_GROUP, "notify_priority_changes"),
    (
        C::K_VIRTUAL_SERVER,
        "persistence_engine hashed flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback virtualhost snmp_name \
         sorry_server_inhibit",
    ),
    (C::K_REAL_SERVER, "uthreshold lthreshold virtualhost snmp_name"),
];

const HARMFUL: &[(C, &str)] = &[
    (C::K_TOP, "virtual_server_group"),
    (C::K_VIRTUAL_SERVER, "ops sorry_server_lvs_method"),
    (C::K_REAL_SERVER, "lvs_method"),
];

/// What it means that `keyword` is not built in this block; none when keepalived does not know it there.
pub fn unbuilt(context: C, keyword: &str) -> Option<Effect> {
    let listed = |table: &[(C, &str)]| {
        table
            .iter()
            .any(|(within, words)| *within == context && words.split_ascii_whitespace().any(|word| word == keyword))
    };
    match (listed(HARMLESS), listed(HARMFUL)) {
        (_, true) => Some(Effect::Harmful),
        (true, false) => Some(Effect::Harmless),
        (false, false) => None,
    }
}

/// All words of a block that are known and not built.
pub fn words(context: C) -> impl Iterator<Item = &'static str> {
    let tables = HARMLESS.iter().chain(HARMFUL).filter(move |(within, _)| *within == context);
    tables.flat_map(|(_, words)| words.split_ascii_whitespace())
}

/// What became of a word that old articles use.
pub fn history(context: C, keyword: &str) -> Option<&'static str> {
    match keyword {
        "nat_mask" => Some("removed in keepalived 1.2.20; has no effect since; delete the line"),
        "nb_get_retry" if context == C::K_TCP_CHECK => {
            Some("nb_get_retry was never valid in TCP_CHECK, so the check is repeated once; write retry N")
        }
        "lvs_id" => Some("renamed router_id in keepalived 1.1.8; write router_id NAME"),
        "smtp_server_port" => Some("write the port after the server: smtp_server HOST PORT"),
        _ => None,
    }
}
