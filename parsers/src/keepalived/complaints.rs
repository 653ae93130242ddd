//! What keepalived adds to a refused value: the keyword's own words, after those about the number. `%o` is the name of
//! the block, `%s` the value.

use crate::table::Contexts as C;

/// One keyword's words, in some blocks.
type Complaint = (C, &'static str, &'static str);

const GLOBAL: &[Complaint] = &[
    (C::K_GLOBAL, "smtp_server", "Invalid smtp server %s"),
    (C::K_GLOBAL, "smtp_connect_timeout", "smtp_connect_timeout '%s' must be in [0, 4294] - ignoring"),
    (C::K_GLOBAL, "no_checker_emails", "Invalid value '%s' for global no_checker_emails specified"),
    (C::K_GLOBAL, "smtp_alert", "Invalid value '%s' for global smtp_alert specified"),
    (C::K_GLOBAL, "smtp_alert_vrrp", "Invalid value '%s' for global smtp_alert_vrrp specified"),
    (C::K_GLOBAL, "smtp_alert_checker", "Invalid value '%s' for global smtp_alert_checker specified"),
    (C::K_GLOBAL, "vrrp_startup_delay", "vrrp_startup_delay '%s' is invalid"),
    (C::K_GLOBAL, "vrrp_garp_interval", "vrrp_garp_interval '%s' is invalid"),
    (C::K_GLOBAL, "vrrp_gna_interval", "vrrp_gna_interval '%s' is invalid"),
    (C::K_GLOBAL, "vrrp_mcast_group4", "Can't parse vrrp_mcast_group4 [%s]. Skipping"),
    (C::K_GLOBAL, "vrrp_garp_master_delay", "vrrp_garp_master_delay '%s' invalid - ignoring"),
    (C::K_GLOBAL, "vrrp_garp_master_repeat", "vrrp_garp_master_repeat '%s' invalid - ignoring"),
    (C::K_GLOBAL, "vrrp_garp_master_refresh", "Invalid vrrp_garp_master_refresh '%s' - ignoring"),
    (C::K_GLOBAL, "vrrp_garp_master_refresh_repeat", "vrrp_garp_master_refresh_repeat '%s' invalid - ignoring"),
    (C::K_GLOBAL, "vrrp_garp_lower_prio_delay", "vrrp_garp_lower_prio_delay '%s' invalid - ignoring"),
    (C::K_GLOBAL, "vrrp_garp_lower_prio_repeat", "Invalid vrrp_garp_lower_prio_repeat '%s'"),
    (C::K_GLOBAL, "vrrp_down_timer_adverts", "Invalid vrrp_down_timer_adverts [1:100] '%s'"),
    (C::K_GLOBAL, "vrrp_lower_prio_no_advert", "Invalid value for vrrp_lower_prio_no_advert specified"),
    (C::K_GLOBAL, "vrrp_higher_prio_send_advert", "Invalid value for vrrp_higher_prio_send_advert specified"),
    (C::K_GLOBAL, "vrrp_version", "VRRP Error: Version must be either 2 or 3"),
    (C::K_GLOBAL, "checker_log_all_failures", "Invalid value for checker_log_all_failures specified"),
    (C::K_GLOBAL, "vrrp_skip_check_adv_addr", "Invalid value '%s' for global vrrp_check_adv_addr specified"),
];

const BFD_WEIGHT: &str =
    "Configuration error: BFD instance %o weight value %s not valid (must be in range [-253-253]), ignoring";
const BFD_TTL: &str =
    "Configuration error: BFD instance %o ttl/hoplimit value %s not valid (must be in range [1-255]), ignoring";

const VRRP: &[Complaint] = &[
    (C::K_INSTANCE, "state", "(%o) unknown state '%s', defaulting to BACKUP"),
    (C::K_INSTANCE, "virtual_router_id", "(%o): VRID '%s' not valid - must be between 1 & 255"),
    (C::K_INSTANCE, "priority", "(%o) Priority not valid! must be between 1 & 255. Using default 100"),
    (C::K_INSTANCE, "advert_int", "(%o) Advert interval (%s) not valid! Must be > 0 - ignoring"),
    (C::K_INSTANCE, "version", "(%o): Version must be either 2 or 3"),
    (C::K_INSTANCE, "preempt_delay", "(%o) Preempt_delay not valid! must be between 0-1000"),
    (C::K_INSTANCE, "debug", "(%o) Debug value '%s' not valid; must be between 0-4"),
    (C::K_INSTANCE, "mcast_src_ip", SOURCE),
    (C::K_INSTANCE, "unicast_src_ip", SOURCE),
    (C::K_INSTANCE, "smtp_alert", "Invalid vrrp_instance smtp_alert parameter %s"),
    (C::K_INSTANCE, "garp_master_delay", "(%o): garp_master_delay '%s' invalid - ignoring"),
    (C::K_INSTANCE, "garp_master_repeat", "(%o): garp_master_repeat '%s' invalid - ignoring"),
    (C::K_INSTANCE, "garp_master_refresh", "(%o): Invalid garp_master_refresh '%s' - ignoring"),
    (C::K_INSTANCE, "garp_master_refresh_repeat", "(%o): garp_master_refresh_repeat '%s' invalid - ignoring"),
    (C::K_INSTANCE, "garp_lower_prio_delay", "(%o): garp_lower_prio_delay '%s' invalid - ignoring"),
    (C::K_INSTANCE, "garp_lower_prio_repeat", "(%o): Invalid garp_lower_prio_repeat '%s'"),
    (C::K_INSTANCE, "down_timer_adverts", "(%o): Invalid down_timer_adverts [1:100] '%s'"),
    (C::K_INSTANCE, "lower_prio_no_advert", "(%o) invalid lower_prio_no_advert %s specified"),
    (C::K_INSTANCE, "higher_prio_send_advert", "(%o) invalid higher_prio_send_advert %s specified"),
    (C::K_INSTANCE, "skip_check_adv_addr", "(%o) invalid skip_check_adv_addr %s specified"),
    (C::K_AUTHENTICATION, "auth_type", "(%o) unknown authentication type '%s'"),
    (C::K_AUTH_HMAC, "active_key", "(%o) auth_hmac active_key '%s' must be between 1 and 255"),
    (C::K_AUTH_HMAC, "time_window", "(%o) auth_hmac time_window '%s' must be between 1 and 300 seconds"),
    (C::K_AUTH_HMAC, "anti_replay", "(%o) auth_hmac anti_replay '%s' must be time or monotonic"),
    (C::K_AUTH_HMAC, "mode", "(%o) auth_hmac mode '%s' must be enforce, permissive or receive-only"),
    (C::K_BFD, "weight", BFD_WEIGHT),
    (
        C::K_BFD,
        "min_rx",
        "Configuration error: BFD instance %o min_rx value %s is not valid (must be in range [1-4294967]), ignoring",
    ),
    (
        C::K_BFD,
        "min_tx",
        "Configuration error: BFD instance %o min_tx value %s is not valid (must be in range [1-4294967]), ignoring",
    ),
    (
        C::K_BFD,
        "idle_tx",
        "Configuration error: BFD instance %o idle_tx value %s is not valid (must be in range [1000-4294967]), ignoring",
    ),
    (
        C::K_BFD,
        "multiplier",
        "Configuration error: BFD instance %o multiplier value %s not valid (must be in range [1-255]), ignoring",
    ),
    (C::K_BFD, "ttl", BFD_TTL),
    (C::K_BFD, "hoplimit", BFD_TTL),
    (
        C::K_BFD,
        "max_hops",
        "Configuration error: BFD instance %o max_hops value %s not valid (must be in range [-1-255]), ignoring",
    ),
    (C::K_BFD, "multihop", "Configuration error: BFD instance %o multihop setting not valid - %s"),
    (C::K_SYNC_GROUP, "smtp_alert", "Invalid vrrp_group smtp_alert parameter %s"),
];

/// What is tracked, how adverts travel, and what tunes processes.
const MORE: &[Complaint] = &[
    (C::K_SCRIPT, "weight", "vrrp_script %o weight %s must be in [-253, 253]"),
    (C::K_SCRIPT, "rise", "(%o): vrrp script rise value '%s' invalid, defaulting to 1"),
    (C::K_SCRIPT, "fall", "(%o): vrrp script fall value '%s' invalid, defaulting to 1"),
    (C::K_TRACK_FILE, "weight", "Weight (%s) for track_file %o must be between [-254..254] inclusive. Ignoring..."),
    (
        C::K_TRACK_PROCESS,
        "weight",
        "Weight (%s) for vrrp_track_process %o must be between [-254..254] inclusive. Ignoring...",
    ),
    (
        C::K_TRACK_PROCESS,
        "quorum",
        "Quorum (%s) for vrrp_track_process %o must be between [1..65535] inclusive. Ignoring...",
    ),
    (
        C::K_TRACK_PROCESS,
        "quorum_max",
        "Quorum_max (%s) for vrrp_track_process %o must be between [0..65535] inclusive. Ignoring...",
    ),
    (C::K_TRACK_PROCESS, "delay", PROCESS_DELAY),
    (C::K_TRACK_PROCESS, "terminate_delay", PROCESS_DELAY),
    (C::K_TRACK_PROCESS, "fork_delay", PROCESS_DELAY),
    (C::K_TRACK_PROCESS, "param_match", "Invalid param_match type %s - ignoring"),
    (C::K_INSTANCE, "strict_mode", "(%o) invalid strict_mode %s specified"),
    (C::K_INSTANCE, "v3_checksum_as_v2", "(%o) invalid v3_checksum_as_v2 %s specified"),
    (C::K_INSTANCE, "kernel_rx_buf_size", "(%o) invalid kernel_rx_buf_size specified"),
    (C::K_INSTANCE, "notify_priority_changes", "(%o) Invalid value '%s' for notify_priority_changes specified"),
    (C::K_INSTANCE, "unicast_ttl", "(%o): TTL '%s' not valid - must be between 0 & 255"),
    (C::K_INSTANCE, "mcast_dst_ip", "(%o) malformed mcast dest address %s. Skipping..."),
    (C::K_INSTANCE, "garp_extra_if", "(%o): garp_extra_if '%s' invalid - ignoring"),
    (C::K_GLOBAL, "vrrp_priority", "Invalid vrrp process priority specified"),
    (C::K_GLOBAL, "vrrp_cpu_affinity", "Invalid cpu_id:0 specified for vrrp process"),
    (C::K_GLOBAL, "vrrp_rx_bufs_policy", "Invalid vrrp_rx_bufs_policy %s"),
    (C::K_GLOBAL, "checker_priority", "Invalid checker process priority specified"),
    (C::K_GLOBAL, "checker_cpu_affinity", "Invalid cpu_id:0 specified for checker process"),
    (C::K_GLOBAL, "checker_rlimit_rttime", "Invalid checker real-time limit - %s"),
    (C::K_GLOBAL, "checker_rlimit_rtime", "Invalid checker real-time limit - %s"),
    (C::K_GLOBAL, "vrrp_rlimit_rttime", "Invalid vrrp real-time limit - %s"),
    (C::K_GLOBAL, "max_auto_priority", "max_auto_priority '%s' must be in [0, 99] (or -1 to disable) - ignoring"),
    (C::K_GLOBAL, "min_auto_priority_delay", "min_auto_priority_delay '%s' must be in [1, 10000000] - ignoring"),
    (C::K_GLOBAL, "data_use_instance", "Invalid value '%s' for global date_use_instance specified"),
    (C::K_GLOBAL, "startup_script_timeout", "startup_script_timeout '%s' must be in [1, 1000] - ignoring"),
    (C::K_GLOBAL, "shutdown_script_timeout", "shutdown_script_timeout '%s' must be in [1, 1000] - ignoring"),
    (C::K_GLOBAL, "vrrp_mcast_group6", "Can't parse vrrp_mcast_group6 [%s]. Skipping"),
    (C::K_GLOBAL, "vrrp_garp_extra_if", "vrrp_garp_extra_if '%s' invalid - ignoring"),
    (
        C::K_GLOBAL,
        "vrrp_notify_priority_changes",
        "Invalid value '%s' for global vrrp_notify_priority_changes specified",
    ),
    (C::K_GLOBAL, "vrrp_delay_after_boot", "vrrp_delay_after_boot '%s' is invalid"),
    (C::K_GLOBAL, "vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs size (%s) invalid"),
    (C::K_GLOBAL, "vrrp_netlink_monitor_rcv_bufs", "vrrp_netlink_monitor_rcv_bufs size (%s) invalid"),
    (C::K_GARP_GROUP, "garp_interval", "garp_group garp_interval '%s' invalid"),
    (C::K_GARP_GROUP, "gna_interval", "garp_group gna_interval '%s' invalid"),
    (C::K_TOP, "child_wait_time", "Invalid child_wait_time %s"),
];

const PROCESS_DELAY: &str =
    "delay (%s) for vrrp_track_process %o must be between [0.000001..3600] inclusive. Ignoring...";

const SOURCE: &str = "Configuration error: VRRP instance[%o] malformed src address[%s]. Skipping...";

const SERVICES: &[Complaint] = &[
    (C::K_VIRTUAL_SERVER, "delay_loop", "virtual server delay loop '%s' invalid - ignoring"),
    (C::K_VIRTUAL_SERVER, "lb_algo", "Invalid lvs_scheduler '%s' - ignoring"),
    (C::K_VIRTUAL_SERVER, "lvs_sched", "Invalid lvs_scheduler '%s' - ignoring"),
    (C::K_VIRTUAL_SERVER, "lb_kind", "PARSER : unknown [%s] routing method for virtual server."),
    (C::K_VIRTUAL_SERVER, "lvs_method", "PARSER : unknown [%s] routing method for virtual server."),
    (C::K_VIRTUAL_SERVER, "persistence_timeout", "persistence_timeout invalid"),
    (C::K_VIRTUAL_SERVER, "persistence_granularity", "Invalid IPv4 persistence_granularity specified - %s"),
    (C::K_VIRTUAL_SERVER, "protocol", "Unknown protocol %s - ignoring"),
    (C::K_VIRTUAL_SERVER, "ip_family", "unknown address family %s"),
    (C::K_VIRTUAL_SERVER, "smtp_alert", "Invalid virtual_server smtp_alert parameter %s"),
    (C::K_VIRTUAL_SERVER, "quorum", "Quorum %s must be in [1, 4294967295]. Setting to 1."),
    (C::K_VIRTUAL_SERVER, "hysteresis", "Hysteresis %s must be in [0, 4294967295] - ignoring"),
    (C::K_VIRTUAL_SERVER, "weight", "Virtual server weight %s is outside range 1-2147483647"),
    (C::K_VIRTUAL_SERVER, "sorry_server", "Invalid sorry server IP address %s - skipping"),
    (C::K_VIRTUAL_SERVER, "connect_timeout", "virtual server connect_timeout %s invalid - ignoring"),
    (C::K_VIRTUAL_SERVER, "delay_before_retry", "virtual server delay before retry '%s' invalid - ignoring"),
    (C::K_VIRTUAL_SERVER, "warmup", "virtual server warmup '%s' invalid - ignoring"),
    (C::K_VIRTUAL_SERVER.or(C::K_REAL_SERVER), "retry", "retry value invalid - %s"),
    (C::K_REAL_SERVER, "weight", "Real server weight %s is outside range 0-2147483647"),
    (C::K_REAL_SERVER, "inhibit_on_failure", "Invalid inhibit_on_failure parameter %s"),
    (C::K_REAL_SERVER.or(C::K_TCP_CHECK).or(C::K_BFD_CHECK), "alpha", "Invalid alpha parameter %s"),
    (C::K_REAL_SERVER, "smtp_alert", "Invalid real_server smtp_alert parameter %s"),
    (C::K_REAL_SERVER, "delay_loop", "real server delay_loop '%s' invalid - ignoring"),
    (C::K_REAL_SERVER, "connect_timeout", "real server connect_timeout %s invalid - ignoring"),
    (C::K_REAL_SERVER, "delay_before_retry", "real server delay_before_retry '%s' invalid - ignoring"),
    (C::K_REAL_SERVER, "warmup", "real server warmup '%s' invalid - ignoring"),
    (C::K_TCP_CHECK, "connect_ip", "Invalid connect_ip address %s - ignoring"),
    (C::K_TCP_CHECK, "connect_port", "Invalid checker connect_port '%s'"),
    (C::K_TCP_CHECK, "bindto", "Invalid bindto address %s - ignoring"),
    (C::K_TCP_CHECK, "bind_port", "Invalid checker bind_port '%s'"),
    (C::K_TCP_CHECK, "fwmark", "Invalid fwmark connection value '%s'"),
    (C::K_TCP_CHECK, "delay_loop", "delay_loop '%s' is invalid - ignoring"),
    (C::K_TCP_CHECK, "connect_timeout", "connect_timeout %s invalid - ignoring"),
    (C::K_TCP_CHECK, "retry", "Invalid retry connection value '%s'"),
    (C::K_TCP_CHECK, "delay_before_retry", "Invalid delay_before_retry connection value '%s'"),
    (C::K_TCP_CHECK, "warmup", "Invalid warmup connection value '%s'"),
    (C::K_TCP_CHECK, "log_all_failures", "Invalid log_all_failures parameter %s"),
];

/// Keywords whose missing value is no reason to stop, with what is said instead.
const MISSING: &[Complaint] = &[
    (C::K_GLOBAL, "router_id", "routerid name missing - ignoring"),
    (C::K_GLOBAL, "notification_email_from", "emailfrom missing - ignoring"),
    (C::K_GLOBAL, "startup_script", "startup script missing"),
    (C::K_GLOBAL, "shutdown_script", "shutdown script missing"),
    (C::K_GLOBAL, "notify_fifo", "No notify_fifo name specified"),
    (C::K_GLOBAL, "notify_fifo_script", "No notify_fifo_script specified"),
    (C::K_GLOBAL, "vrrp_notify_fifo", "No vrrp_notify_fifo name specified"),
    (C::K_GLOBAL, "vrrp_notify_fifo_script", "No vrrp_notify_fifo_script specified"),
    (C::K_GLOBAL, "lvs_notify_fifo", "No lvs_notify_fifo name specified"),
    (C::K_GLOBAL, "lvs_notify_fifo_script", "No lvs_notify_fifo_script specified"),
    (C::K_GLOBAL, "script_user", "No script username specified"),
];

/// What a keyword adds to a refused value.
pub fn complaint(context: C, keyword: &str, owner: &str, value: &str) -> Option<String> {
    let template = find([GLOBAL, VRRP, MORE, SERVICES].into_iter().flatten(), context, keyword)?;
    Some(template.replace("%o", owner).replace("%s", value))
}

/// What a keyword says of a missing value when it does not stop keepalived.
pub fn missing(context: C, keyword: &str) -> Option<&'static str> {
    find(MISSING.iter(), context, keyword)
}

fn find<'a>(mut table: impl Iterator<Item = &'a Complaint>, context: C, keyword: &str) -> Option<&'static str> {
    table.find(|(within, word, _)| within.contains(context) && *word == keyword).map(|(_, _, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_filled() {
        let text = complaint(C::K_INSTANCE, "virtual_router_id", "VI_1", "0");
        assert_eq!(text.as_deref(), Some("(VI_1): VRID '0' not valid - must be between 1 & 255"));
        assert_eq!(complaint(C::K_REAL_SERVER, "retry", "", "x").as_deref(), Some("retry value invalid - x"));
        assert_eq!(complaint(C::K_GLOBAL, "retry", "", "x"), None);
    }
}
