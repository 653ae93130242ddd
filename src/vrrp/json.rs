//! The JSON dump, field by field as keepalived writes it (`json_version` 1 is the bare list, 2 has it in an object).

use std::time::UNIX_EPOCH;

use rkeep_parsers::ir::track::Kind;
use rkeep_parsers::ir::vrrp::{Auth, InitialState, Router, VirtualAddress};
use serde_json::{Value, json};

use super::drive::{Instance, Speaker};
use crate::bus::Verdict;

/// Where it is written unless `json_dump_file` says otherwise.
pub const PLACE: &str = "/tmp/keepalived.json";

impl Speaker {
    /// All instances.
    pub(super) fn json(&self) -> String {
        let all: Vec<Value> = self.instances.iter().map(|instance| self.one(instance)).collect();
        let whole = match self.plan.global.dumps.json_version {
            2 => json!({ "vrrp": all }),
            _ => Value::from(all),
        };
        format!("{whole}\n")
    }

    fn one(&self, instance: &Instance) -> Value {
        json!({ "data": self.facts_of(instance), "stats": counters(instance) })
    }

    fn facts_of(&self, instance: &Instance) -> Value {
        let (machine, router) = (&instance.machine, instance.machine.router());
        let master = machine.verdict() == Some(Verdict::Master);
        let since = instance.since.duration_since(UNIX_EPOCH).unwrap_or_default();
        let shown = |address: &VirtualAddress| shown(address, router, master);
        let mut data = announcements(router);
        let more = json!({
            "iname": router.name,
            "dont_track_primary": u8::from(router.dont_track_primary),
            "skip_check_adv_addr": 0,
            "strict_mode": u8::from(router.strict),
            "vmac_ifname": router.speech.vmac.as_ref().map_or("", |vmac| &vmac.name),
            "ifp_ifname": router.interface,
            "master_priority": 0,
            "last_transition": since.as_secs_f64(),
            "vrid": router.vrid,
            "base_priority": router.priority,
            "effective_priority": machine.priority(),
            "vipset": master,
            "promote_secondaries": router.speech.promote_secondaries,
            "adver_int": router.advert_interval.as_secs_f64(),
            "master_adver_int": machine.interval().as_secs_f64(),
            "accept": 1,
            "nopreempt": router.nopreempt,
            "preempt_delay": router.preempt_delay.as_secs_f64(),
            "state": number(machine.verdict()),
            "wantstate": if router.initial == InitialState::Master { 2 } else { 1 },
            "version": router.version,
            "smtp_alert": self.mails(&router.name),
            "notify_deleted": false,
            "vips": router.addresses.iter().map(shown).collect::<Vec<_>>(),
        });
        extend(&mut data, more);
        if !router.excluded.is_empty() {
            extend(&mut data, json!({ "evips": router.excluded.iter().map(shown).collect::<Vec<_>>() }));
        }
        let scripts: Vec<&str> = router.tracked(Kind::Script).map(|track| track.name.as_str()).collect();
        if !scripts.is_empty() {
            extend(&mut data, json!({ "track_script": scripts }));
        }
        extend(&mut data, authentication(&router.auth));
        data
    }

    fn mails(&self, name: &str) -> bool {
        self.plan.routers.values().any(|router| router.name == name && router.smtp_alert)
    }
}

fn announcements(router: &Router) -> Value {
    json!({
        "garp_delay": router.garp_delay.as_secs(),
        "garp_refresh": router.garp_refresh.as_secs(),
        "garp_rep": router.garp_repeat,
        "garp_refresh_rep": router.garp_refresh_repeat,
        "garp_lower_prio_delay": router.garp_lower_prio_delay.as_secs(),
        "garp_lower_prio_rep": router.garp_lower_prio_repeat,
        "lower_prio_no_advert": u8::from(router.lower_prio_no_advert),
        "higher_prio_send_advert": u8::from(router.higher_prio_send_advert),
    })
}

fn authentication(auth: &Auth) -> Value {
    let (kind, password) = match auth {
        Auth::None => return json!({ "auth_type": 0 }),
        Auth::Pass(password) => (1, password),
        Auth::Ah(password) => (2, password),
    };
    let shown = password.split(|byte| *byte == 0).next().unwrap_or_default();
    json!({ "auth_type": kind, "auth_data": String::from_utf8_lossy(shown) })
}

fn counters(instance: &Instance) -> Value {
    let stats = instance.machine.stats();
    json!({
        "advert_rcvd": stats.received,
        "advert_sent": stats.sent,
        "become_master": stats.became_master,
        "release_master": stats.released_master,
        "packet_len_err": stats.length_errors,
        "advert_interval_err": stats.interval_errors,
        "ip_ttl_err": stats.ttl_errors,
        "invalid_type_rcvd": stats.type_errors,
        "addr_list_err": stats.address_errors,
        "invalid_authtype": stats.auth_type_errors,
        "authtype_mismatch": stats.auth_mismatches,
        "auth_failure": stats.auth_failures,
        "auth_ext_missing": stats.trailers_missing,
        "auth_ext_malformed": stats.trailers_malformed,
        "auth_ext_unknown_key": stats.unknown_keys,
        "auth_ext_invalid_hmac": stats.wrong_codes,
        "auth_ext_stale": stats.stale,
        "auth_ext_replay": stats.replayed,
        "pri_zero_rcvd": stats.zero_received,
        "pri_zero_sent": stats.zero_sent,
    })
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

fn shown(address: &VirtualAddress, router: &Router, set: bool) -> String {
    let device = address.device.as_deref().unwrap_or_else(|| router.bears());
    let scope = match address.scope {
        253 => "link",
        254 => "host",
        200 => "site",
        _ => "global",
    };
    format!("{} dev {device} scope {scope}{}", address.address, if set { " set" } else { "" })
}

fn extend(to: &mut Value, more: Value) {
    if let (Some(to), Value::Object(more)) = (to.as_object_mut(), more) {
        to.extend(more);
    }
}
