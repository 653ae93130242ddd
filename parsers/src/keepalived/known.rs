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
    (C::K_TOP, "SSL"),
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

fn listed(table: &[(C, &str)], context: C, keyword: &str) -> bool {
    let words = table.iter().filter(|(within, _)| *within == context).map(|(_, words)| words);
    words.flat_map(|words| words.split_ascii_whitespace()).any(|word| word == keyword)
}

/// What it means that `keyword` is not built in this block; none when keepalived does not know it there.
pub fn unbuilt(context: C, keyword: &str) -> Option<Effect> {
    match (listed(HARMLESS, context, keyword), listed(HARMFUL, context, keyword)) {
        (_, true) => Some(Effect::Harmful),
        (true, false) => Some(Effect::Harmless),
        (false, false) => None,
    }
}

/// Words that keepalived 2.2.7 does not know and 2.4 does.
const NEWER: &[(C, &str)] = &[
    (
        C::K_GLOBAL,
        "use_symlink_paths set_supplementary_groups v3_checksum_as_v2 json_version iproute_usr_dir iproute_etc_dir \
         state_dump_file stats_dump_file json_dump_file vrrp_delay_after_boot vrrp_owner_ignore_adverts \
         snmp_vs_stats_update_interval snmp_rs_stats_update_interval dbus_no_interface_name",
    ),
    (
        C::K_INSTANCE,
        "no_virtual_ipaddress v3_checksum_as_v2 timer_expired_backup thread_timer_expired owner_ignore_adverts auth_hmac",
    ),
    (C::K_BFD, "multihop"),
    (C::K_HTTP_GET, "tls_compliant sni_name"),
    (C::K_URL, "tls_compliant"),
];

/// Whether a word came after keepalived 2.2.
pub fn newer(context: C, keyword: &str) -> bool {
    listed(NEWER, context, keyword)
}

/// Whether keepalived 2.2 takes a word for a switch that is on whatever stands after it.
pub fn once_bare(context: C, keyword: &str) -> bool {
    (context, keyword) == (C::K_GLOBAL, "vrrp_skip_check_adv_addr")
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
