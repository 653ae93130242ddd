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
    (
        C::K_TOP,
        "linkbeat_use_polling linkbeat_interfaces interface_up_down_delays namespace_with_ipsets child_wait_time \
         use_pid_dir garp_group vrrp_script vrrp_track_process track_file vrrp_track_file SSL track_group",
    ),
    (
        C::K_GLOBAL,
        "process_names process_name vrrp_process_name checker_process_name lvs_process_name bfd_process_name \
         use_symlink_paths set_supplementary_groups startup_script_timeout shutdown_script_timeout \
         max_auto_priority min_auto_priority_delay disable_local_igmp umask random_seed reload_check_config \
         reload_time_file reload_repeat reload_file include_check config_save_dir tmp_config_directory \
         data_use_instance json_version iproute_usr_dir iproute_etc_dir state_dump_file stats_dump_file json_dump_file \
         process_monitor_rcv_bufs process_monitor_rcv_bufs_force nftables nftables_priority nftables_ifindex \
         nftables_counters vrrp_min_garp vrrp_garp_extra_if vrrp_vmac_garp_intvl \
         vrrp_iptables vrrp_ipsets vrrp_priority vrrp_no_swap vrrp_rt_priority vrrp_cpu_affinity vrrp_rlimit_rttime \
         vrrp_rlimit_rtime vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs \
         vrrp_netlink_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier log_unknown_vrids \
         lvs_timeouts lvs_flush lvs_flush_on_stop lvs_flush_onstop nftables_ipvs nftables_ipvs_priority \
         nftables_ipvs_start_fwmark checker_priority checker_no_swap checker_rt_priority checker_cpu_affinity \
         checker_rlimit_rttime checker_rlimit_rtime lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force \
         lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force rs_init_notifies bfd_priority bfd_no_swap \
         bfd_rt_priority bfd_cpu_affinity bfd_rlimit_rttime bfd_rlimit_rtime snmp_socket enable_traps enable_snmp_vrrp \
         enable_snmp_keepalived enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_snmp_checker \
         snmp_vs_stats_update_interval snmp_rs_stats_update_interval enable_dbus dbus_service_name \
         dbus_no_interface_name vmac_prefix vmac_addr_prefix default_interface fifo_write_vrrp_states_on_reload \
         vrrp_notify_priority_changes vrrp_mcast_group6",
    ),
    (C::K_SYNC_GROUP, "sync_group_tracking_weight notify_priority_changes"),
    (
        C::K_INSTANCE,
        "no_virtual_ipaddress unicast_fault_no_peer old_unicast_checksum native_ipv6 track_src_ip promote_secondaries \
         linkbeat_use_polling notify_priority_changes garp_extra_if vmac_garp_intvl owner_ignore_adverts \
         kernel_rx_buf_size unicast_ttl check_unicast_src ",
    ),
    (
        C::K_VIRTUAL_SERVER,
        "persistence_engine hashed flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback virtualhost snmp_name \
         sorry_server_inhibit",
    ),
    (C::K_REAL_SERVER, "uthreshold lthreshold virtualhost snmp_name"),
];

const HARMFUL: &[(C, &str)] = &[
    (
        C::K_TOP,
        "net_namespace net_namespace_ipvs instance static_ipaddress static_routes static_rules bfd_instance \
         virtual_server_group",
    ),
    (
        C::K_GLOBAL,
        "v3_checksum_as_v2 vrrp_check_unicast_src vrrp_strict \
         vrrp_delay_after_boot vrrp_owner_ignore_adverts lvs_sync_daemon \
         ",
    ),
    (C::K_SYNC_GROUP, "track_interface track_script track_file track_process track_bfd global_tracking"),
    (
        C::K_INSTANCE,
        "virtual_routes virtual_rules use_vmac use_vmac_addr vmac_xmit_base use_ipvlan vrf track_script track_file \
         track_process track_bfd mcast_dst_ip v3_checksum_as_v2 no_accept strict_mode timer_expired_backup \
         thread_timer_expired auth_hmac",
    ),
    (C::K_VIRTUAL_SERVER, "ops sorry_server_lvs_method"),
    (
        C::K_REAL_SERVER,
        "lvs_method HTTP_GET SSL_GET SMTP_CHECK DNS_CHECK MISC_CHECK UDP_CHECK PING_CHECK FILE_CHECK BFD_CHECK",
    ),
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
