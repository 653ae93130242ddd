//! The JSON dump, field by field and in the order that keepalived 2.4 writes it (`json_version` 1 is the bare list, 2 has
//! it in an object).

use std::time::{Duration, UNIX_EPOCH};

use rkeep_parsers::ir::track::Kind;
use rkeep_parsers::ir::vrrp::{Auth, InitialState, Router, VirtualAddress};
use serde::{Serialize, Serializer};

use super::drive::{Instance, Speaker};
use super::dump;
use super::stats::Stats;
use crate::bus::Verdict;

/// Where it is written unless `json_dump_file` says otherwise.
pub const PLACE: &str = "/tmp/keepalived.json";

/// An instance.
#[derive(Serialize)]
struct Whole<'a> {
    data: Data<'a>,
    stats: Counters,
}

/// `json_version` 2.
#[derive(Serialize)]
struct Second<'a> {
    vrrp: Vec<Whole<'a>>,
}

#[derive(Serialize)]
struct Data<'a> {
    iname: &'a str,
    dont_track_primary: u8,
    skip_check_adv_addr: u8,
    strict_mode: u8,
    vmac_ifname: &'a str,
    ifp_ifname: &'a str,
    master_priority: u8,
    last_transition: f64,
    garp_delay: u64,
    garp_refresh: u64,
    garp_rep: u32,
    garp_refresh_rep: u32,
    garp_lower_prio_delay: u64,
    garp_lower_prio_rep: u32,
    lower_prio_no_advert: u8,
    higher_prio_send_advert: u8,
    vrid: u8,
    base_priority: u8,
    effective_priority: u8,
    vipset: bool,
    promote_secondaries: bool,
    adver_int: Seconds,
    master_adver_int: Seconds,
    nopreempt: bool,
    preempt_delay: Seconds,
    state: u8,
    wantstate: u8,
    version: u8,
    smtp_alert: bool,
    notify_deleted: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evips: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_ifp: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_script: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    track_process: Vec<&'a str>,
    auth_type: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_data: Option<&'static str>,
}

#[derive(Serialize)]
struct Counters {
    advert_rcvd: u64,
    advert_sent: u64,
    become_master: u64,
    release_master: u64,
    packet_len_err: u64,
    advert_interval_err: u64,
    ip_ttl_err: u64,
    invalid_type_rcvd: u64,
    addr_list_err: u64,
    invalid_authtype: u64,
    authtype_mismatch: u64,
    auth_failure: u64,
    auth_ext_missing: u64,
    auth_ext_malformed: u64,
    auth_ext_unknown_key: u64,
    auth_ext_invalid_hmac: u64,
    auth_ext_stale: u64,
    auth_ext_replay: u64,
    pri_zero_rcvd: u64,
    pri_zero_sent: u64,
}

/// Seconds, whole ones without a point.
struct Seconds(Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.0.subsec_nanos() {
            0 => to.serialize_u64(self.0.as_secs()),
            _ => to.serialize_f64(self.0.as_secs_f64()),
        }
    }
}

impl Speaker {
    /// All instances.
    pub(super) fn json(&self) -> String {
        let all: Vec<Whole<'_>> = self.instances.iter().map(|instance| self.one(instance)).collect();
        let text = match self.plan.global.dumps.json_version {
            2 => serde_json::to_string(&Second { vrrp: all }),
            _ => serde_json::to_string(&all),
        };
        text.unwrap_or_default() + "\n"
    }

    fn one<'a>(&'a self, instance: &'a Instance) -> Whole<'a> {
        let (machine, router) = (&instance.machine, instance.machine.router());
        let master = machine.verdict() == Some(Verdict::Master);
        let since = instance.since.duration_since(UNIX_EPOCH).unwrap_or_default();
        let shown = |address: &VirtualAddress| dump::address(router, address, master);
        let tracked = |kind| router.tracked(kind).map(|track| track.name.as_str()).collect::<Vec<_>>();
        let data = Data {
            iname: &router.name,
            dont_track_primary: router.dont_track_primary.into(),
            skip_check_adv_addr: 0,
            strict_mode: router.strict.into(),
            vmac_ifname: router.speech.vmac.as_ref().map_or("", |vmac| &vmac.name),
            ifp_ifname: router.bears(),
            master_priority: 0,
            last_transition: since.as_micros() as f64 / 1e6,
            garp_delay: router.garp_delay.as_secs(),
            garp_refresh: router.garp_refresh.as_secs(),
            garp_rep: router.garp_repeat,
            garp_refresh_rep: router.garp_refresh_repeat,
            garp_lower_prio_delay: router.garp_lower_prio_delay.as_secs(),
            garp_lower_prio_rep: router.garp_lower_prio_repeat,
            lower_prio_no_advert: router.lower_prio_no_advert.into(),
            higher_prio_send_advert: router.higher_prio_send_advert.into(),
            vrid: router.vrid,
            base_priority: router.priority,
            effective_priority: machine.priority(),
            vipset: master,
            promote_secondaries: router.speech.promote_secondaries,
            adver_int: Seconds(router.advert_interval),
            master_adver_int: Seconds(machine.interval()),
            nopreempt: router.nopreempt,
            preempt_delay: Seconds(router.preempt_delay),
            state: number(machine.verdict()),
            wantstate: if wants_master(machine.verdict(), router) { 2 } else { 1 },
            version: router.version,
            smtp_alert: self.mails(&router.name),
            notify_deleted: false,
            vips: router.addresses.iter().map(shown).collect(),
            evips: router.excluded.iter().map(shown).collect(),
            track_ifp: tracked(Kind::Interface),
            track_script: router.tracked(Kind::Script).map(|track| self.command(&track.name)).collect(),
            track_process: tracked(Kind::Process),
            auth_type: match router.auth {
                Auth::None => 0,
                Auth::Pass(_) => 1,
                Auth::Ah(_) => 2,
            },
            auth_data: (router.auth != Auth::None).then_some(dump::HIDDEN),
        };
        Whole { data, stats: counters(machine.stats()) }
    }

    /// The words of a tracked script, each in quotes.
    pub(super) fn command(&self, name: &str) -> String {
        let script = self.plan.trackers.scripts.iter().find(|script| script.name == name);
        let words = script.map(|script| script.script.argv.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>());
        words.unwrap_or_default().join(" ")
    }

    pub(super) fn mails(&self, name: &str) -> bool {
        self.plan.routers.values().any(|router| router.name == name && router.smtp_alert)
    }
}

/// What it would be: a master wants to stay one.
pub(super) fn wants_master(verdict: Option<Verdict>, router: &Router) -> bool {
    match verdict {
        Some(Verdict::Master) => true,
        Some(Verdict::Backup) => false,
        _ => router.initial == InitialState::Master,
    }
}

fn counters(stats: &Stats) -> Counters {
    Counters {
        advert_rcvd: stats.received,
        advert_sent: stats.sent,
        become_master: stats.became_master,
        release_master: stats.released_master,
        packet_len_err: stats.length_errors,
        advert_interval_err: stats.interval_errors,
        ip_ttl_err: stats.ttl_errors,
        invalid_type_rcvd: stats.type_errors,
        addr_list_err: stats.address_errors,
        invalid_authtype: stats.auth_type_errors,
        authtype_mismatch: stats.auth_mismatches,
        auth_failure: stats.auth_failures,
        auth_ext_missing: stats.trailers_missing,
        auth_ext_malformed: stats.trailers_malformed,
        auth_ext_unknown_key: stats.unknown_keys,
        auth_ext_invalid_hmac: stats.wrong_codes,
        auth_ext_stale: stats.stale,
        auth_ext_replay: stats.replayed,
        pri_zero_rcvd: stats.zero_received,
        pri_zero_sent: stats.zero_sent,
    }
}

/// keepalived's number of a state.
fn number(verdict: Option<Verdict>) -> u8 {
    match verdict {
        Some(Verdict::Backup) => 1,
        Some(Verdict::Master) => 2,
        Some(Verdict::Fault) => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds_have_no_point() {
        let text = |millis| serde_json::to_string(&Seconds(Duration::from_millis(millis))).expect("a number");
        assert_eq!((text(1000), text(500), text(0)), ("1".to_owned(), "0.5".to_owned(), "0".to_owned()));
    }
}
