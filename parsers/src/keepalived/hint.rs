//! Hints for words keepalived does not know.

use super::known;
use super::{GlobalDefs, bfd, checks, groups, hmac, instance, speech, tracking, tuning, virtual_server};
use crate::table::index::distance;
use crate::table::{Contexts as C, Module, Row};

/// All rows of keepalived's blocks.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let modules: [&'static [Row]; 23] = [
        GlobalDefs::ROWS,
        tuning::Speaking::ROWS,
        tuning::Tuning::ROWS,
        tuning::Outside::ROWS,
        tuning::Fixed::ROWS,
        instance::Instance::ROWS,
        instance::Notify::ROWS,
        instance::Authentication::ROWS,
        hmac::AuthHmac::ROWS,
        bfd::BfdInstance::ROWS,
        instance::SyncGroup::ROWS,
        speech::Travel::ROWS,
        tracking::Tracking::ROWS,
        tracking::VrrpScript::ROWS,
        tracking::FileBlock::ROWS,
        tracking::ProcessBlock::ROWS,
        virtual_server::VirtualServer::ROWS,
        virtual_server::Real::ROWS,
        virtual_server::Timing::ROWS,
        virtual_server::TcpCheck::ROWS,
        virtual_server::BfdCheck::ROWS,
        groups::GarpBlock::ROWS,
        groups::TrackGroup::ROWS,
    ];
    modules.into_iter().flatten()
}

/// Blocks by the block they stand in.
pub const BLOCKS: [(C, &str, C); 17] = [
    (C::K_TOP, "global_defs", C::K_GLOBAL),
    (C::K_TOP, "vrrp_instance", C::K_INSTANCE),
    (C::K_TOP, "vrrp_sync_group", C::K_SYNC_GROUP),
    (C::K_TOP, "vrrp_script", C::K_SCRIPT),
    (C::K_TOP, "track_file", C::K_TRACK_FILE),
    (C::K_TOP, "vrrp_track_file", C::K_TRACK_FILE),
    (C::K_TOP, "vrrp_track_process", C::K_TRACK_PROCESS),
    (C::K_TOP, "bfd_instance", C::K_BFD),
    (C::K_TOP, "garp_group", C::K_GARP_GROUP),
    (C::K_TOP, "track_group", C::K_TRACK_GROUP),
    (C::K_TOP, "virtual_server", C::K_VIRTUAL_SERVER),
    (C::K_INSTANCE, "authentication", C::K_AUTHENTICATION),
    (C::K_INSTANCE, "auth_hmac", C::K_AUTH_HMAC),
    (C::K_VIRTUAL_SERVER, "real_server", C::K_REAL_SERVER),
    (C::K_REAL_SERVER, "TCP_CHECK", C::K_TCP_CHECK),
    (C::K_REAL_SERVER, "BFD_CHECK", C::K_BFD_CHECK),
    (C::K_TOP, "include", C::NONE),
];

/// What to do about a word that is unknown in a block.
pub fn hint(context: C, keyword: &str) -> String {
    if let Some(history) = known::history(context, keyword) {
        return history.to_owned();
    }
    if let Some(near) = nearest(words(context), keyword) {
        return format!("did you mean `{near}`?");
    }
    let homes = homes(keyword);
    if !homes.is_empty() {
        return format!("`{keyword}` belongs {}; is a brace missing or too many above?", homes.join(" or "));
    }
    let elsewhere = places().flat_map(|(_, context)| words(context));
    match nearest(elsewhere, keyword) {
        Some(near) => format!("did you mean `{near}`? It belongs {}", self::homes(near).join(" or ")),
        None => "delete the line, or correct the word".to_owned(),
    }
}

fn words(context: C) -> impl Iterator<Item = &'static str> {
    let built = rows().filter(move |row| row.contexts.contains(context)).map(|row| row.keyword);
    let blocks = BLOCKS.into_iter().filter(move |(within, _, _)| *within == context).map(|(_, word, _)| word);
    built.chain(blocks).chain(known::words(context)).chain(checks::words(context))
}

/// The blocks in which a word is known.
fn homes(keyword: &str) -> Vec<String> {
    let at_home = places().filter(|(_, context)| words(*context).any(|word| word == keyword));
    at_home.map(|(place, _)| place).collect()
}

/// Where words may stand, in words.
fn places() -> impl Iterator<Item = (String, C)> {
    let inner = BLOCKS.into_iter().filter(|(_, _, context)| *context != C::NONE);
    let inner = inner.map(|(_, block, context)| (format!("in `{block}`"), context));
    std::iter::once(("outside of all blocks".to_owned(), C::K_TOP)).chain(inner)
}

/// The word that is at most two letters away, the nearest first.
fn nearest(words: impl Iterator<Item = &'static str>, keyword: &str) -> Option<&'static str> {
    let most = if keyword.len() < 5 { 1 } else { 2 };
    let distances = words.map(|word| (distance(word, keyword), word)).filter(|(distance, _)| *distance <= most);
    distances.min().map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_old_words_and_words_of_other_blocks() {
        assert_eq!(hint(C::K_INSTANCE, "priorty"), "did you mean `priority`?");
        assert!(hint(C::K_VIRTUAL_SERVER, "nat_mask").contains("1.2.20"));
        assert!(hint(C::K_TCP_CHECK, "nb_get_retry").contains("write retry N"));
        assert!(hint(C::K_TOP, "virtual_router_id").contains("`vrrp_instance`"));
        assert_eq!(
            hint(C::K_INSTANCE, "interface_up_down_delay"),
            "did you mean `interface_up_down_delays`? It belongs outside of all blocks"
        );
    }
}
