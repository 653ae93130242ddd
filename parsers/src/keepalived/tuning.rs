//! `global_defs`: what concerns processes, files and how all instances speak; and what stands outside of all blocks.

use super::address::AddressLine;
use super::number::{Int, Seconds, Uint};
use super::route::{RouteLine, RuleLine};
use super::speech::ExtraGarp;
use super::value::{Address, Flag, OptionalText, Switch, Text, Words};
use crate::table::Directives;

/// `global_defs` about VRRP as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "global_defs", within(k_global))]
pub struct Speaking {
    /// The IPv6 group adverts go to.
    #[row("vrrp_mcast_group6", usual = "ff02::12")]
    pub vrrp_mcast_group6: Address,
    /// `check_unicast_src` of every instance that does not say.
    #[row("vrrp_check_unicast_src")]
    pub vrrp_check_unicast_src: Flag,
    /// `strict_mode` of every instance that does not say.
    #[row("vrrp_strict")]
    pub vrrp_strict: Flag,
    /// `v3_checksum_as_v2` of every instance that does not say.
    #[row("v3_checksum_as_v2")]
    pub v3_checksum_as_v2: Switch,
    /// Instances start so long after the machine did, seconds.
    #[row("vrrp_delay_after_boot")]
    pub vrrp_delay_after_boot: Seconds<1_000, 4_294_967_295, true>,
    /// Logs adverts of virtual routers that no instance is of.
    #[row("log_unknown_vrids")]
    pub log_unknown_vrids: Flag,
    /// `notify_priority_changes` of every instance that does not say.
    #[row("vrrp_notify_priority_changes")]
    pub vrrp_notify_priority_changes: Switch,
    /// `owner_ignore_adverts` of every instance that does not say.
    #[row("vrrp_owner_ignore_adverts")]
    pub vrrp_owner_ignore_adverts: Flag,
    /// FIFOs get the states again after a reload: of groups, and of instances that are in none.
    #[row("fifo_write_vrrp_states_on_reload")]
    pub fifo_write_vrrp_states_on_reload: Flag,
    /// What names of VMAC interfaces begin with, `vrrp` unless said.
    #[row("vmac_prefix")]
    pub vmac_prefix: Text,
    /// The same of those of `use_vmac_addr`, `vmac_prefix` unless said.
    #[row("vmac_addr_prefix")]
    pub vmac_addr_prefix: Text,
    /// The interface of static addresses that name none.
    #[row("default_interface")]
    pub default_interface: Text,
    /// Each announcement is sent once only.
    #[row("vrrp_min_garp")]
    pub vrrp_min_garp: Switch,
    /// `garp_extra_if` of every instance that does not say.
    #[row("vrrp_garp_extra_if")]
    pub vrrp_garp_extra_if: ExtraGarp<1>,
    /// An old word for `vrrp_garp_extra_if`.
    #[row("vrrp_vmac_garp_intvl")]
    pub vrrp_vmac_garp_intvl: ExtraGarp,
    /// The nice value of the VRRP process.
    #[row("vrrp_priority")]
    pub vrrp_priority: Int<-20, 19>,
    /// The real-time priority of the VRRP process.
    #[row("vrrp_rt_priority")]
    pub vrrp_rt_priority: Uint<0, 1000>,
    /// The VRRP process is never swapped out.
    #[row("vrrp_no_swap", ignored = "it never is")]
    pub vrrp_no_swap: Flag,
    /// The CPUs the VRRP process may run on.
    #[row("vrrp_cpu_affinity")]
    pub vrrp_cpu_affinity: Cpus,
    /// How long the VRRP process may run without waiting at real-time priority, microseconds.
    #[row("vrrp_rlimit_rttime")]
    pub vrrp_rlimit_rttime: Uint<1, { u32::MAX }>,
    /// An old word for `vrrp_rlimit_rttime`.
    #[row("vrrp_rlimit_rtime")]
    pub vrrp_rlimit_rtime: Uint<1, { u32::MAX }>,
    /// Where SIGUSR1 writes the VRRP process' data.
    #[row("state_dump_file")]
    pub state_dump_file: OptionalText,
    /// Where SIGUSR2 writes the statistics.
    #[row("stats_dump_file")]
    pub stats_dump_file: OptionalText,
    /// Where the JSON dump is written.
    #[row("json_dump_file")]
    pub json_dump_file: OptionalText,
    /// The JSON dump's form.
    #[row("json_version", usual = "1")]
    pub json_version: Uint<1, 2>,
    /// Names of dump files contain the instance's and the network namespace's.
    #[row("data_use_instance", ignored = "dumps have their usual names")]
    pub data_use_instance: Switch,
    /// A reload checks the file in a process of its own first, which rkeep always does.
    #[row("reload_check_config", ignored = "a reload is always checked first")]
    pub reload_check_config: Words,
}

/// `global_defs` about other processes, most of which change nothing in rkeep.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "global_defs", within(k_global))]
pub struct Tuning {
    /// Processes have names of their own.
    #[row("process_names", ignored = "processes are called keepalived")]
    pub process_names: Words,
    /// The parent's name.
    #[row("process_name", ignored = "processes are called keepalived")]
    pub process_name: Words,
    /// The VRRP process' name.
    #[row("vrrp_process_name", ignored = "processes are called keepalived")]
    pub vrrp_process_name: Words,
    /// The checkers' name.
    #[row("checker_process_name", ignored = "processes are called keepalived")]
    #[row("lvs_process_name", ignored = "processes are called keepalived")]
    pub checker_process_name: Words,
    /// The BFD process' name.
    #[row("bfd_process_name", ignored = "BFD sessions live in the VRRP process")]
    pub bfd_process_name: Words,
    /// Scripts are run by the paths as they are written.
    #[row("use_symlink_paths", ignored = "they always are")]
    pub use_symlink_paths: Switch,
    /// Scripts get all groups of their user.
    #[row("set_supplementary_groups", ignored = "scripts get the user's own group")]
    pub set_supplementary_groups: Flag,
    /// How long `startup_script` may take, seconds.
    #[row("startup_script_timeout", usual = "10")]
    pub startup_script_timeout: Uint<1, 1000>,
    /// How long `shutdown_script` may take, seconds.
    #[row("shutdown_script_timeout", usual = "10")]
    pub shutdown_script_timeout: Uint<1, 1000>,
    /// How far a process may raise its own priority.
    #[row("max_auto_priority", ignored = "the VRRP process has real-time priority from the start")]
    pub max_auto_priority: AutoPriority,
    /// How late a timer must be for that, microseconds.
    #[row("min_auto_priority_delay", ignored = "the VRRP process has real-time priority from the start")]
    pub min_auto_priority_delay: Uint<1, 10_000_000>,
    /// Whether multicast memberships are reported.
    #[row("disable_local_igmp", ignored = "the kernel reports memberships")]
    pub disable_local_igmp: Flag,
    /// The permissions that files get.
    #[row("umask", ignored = "files of keepalived's are readable by root alone")]
    pub umask: Words<1>,
    /// Begins random numbers.
    #[row("random_seed", ignored = "nothing but the first check's moment is random")]
    pub random_seed: Words<1>,
    /// When to reload.
    #[row("reload_time_file", ignored = "send SIGHUP, or use a timer of the system")]
    pub reload_time_file: Words<1>,
    /// Whether to look at that file again.
    #[row("reload_repeat", ignored = "send SIGHUP, or use a timer of the system")]
    pub reload_repeat: Flag,
    /// A file that is there while a reload runs.
    #[row("reload_file", ignored = "`rkeep reload` waits for the end of it")]
    pub reload_file: Words,
    /// Which trouble with included files is an error.
    #[row("include_check", ignored = "each trouble with included files is said")]
    pub include_check: IncludeCheck,
    /// Where configurations are kept after a reload.
    #[row("config_save_dir", ignored = "no configuration is kept")]
    pub config_save_dir: Words<1>,
    /// Where the consolidated configuration lies.
    #[row("tmp_config_directory", ignored = "it lies in memory")]
    pub tmp_config_directory: Words<1>,
    /// Where the names of routing tables are.
    #[row("iproute_usr_dir", ignored = "/usr/share/iproute2 and /etc/iproute2 are read")]
    #[row("iproute_etc_dir", ignored = "/usr/share/iproute2 and /etc/iproute2 are read")]
    pub iproute_dir: Words<1>,
    /// How many bytes of the kernel's news of processes may wait.
    #[row("process_monitor_rcv_bufs", ignored = "processes are looked at from time to time")]
    pub process_monitor_rcv_bufs: Words,
    /// Beyond the system's limit.
    #[row("process_monitor_rcv_bufs_force", ignored = "processes are looked at from time to time")]
    pub process_monitor_rcv_bufs_force: Switch,
    /// How many bytes of the kernel's answers may wait.
    #[row("vrrp_netlink_cmd_rcv_bufs", ignored = "the kernel's default suffices")]
    pub vrrp_netlink_cmd_rcv_bufs: Uint<0, { u32::MAX }>,
    /// Beyond the system's limit.
    #[row("vrrp_netlink_cmd_rcv_bufs_force", ignored = "the kernel's default suffices")]
    pub vrrp_netlink_cmd_rcv_bufs_force: Switch,
    /// How many bytes of the kernel's news may wait.
    #[row("vrrp_netlink_monitor_rcv_bufs", ignored = "what is missed is read anew")]
    pub vrrp_netlink_monitor_rcv_bufs: Uint<0, { u32::MAX }>,
    /// Beyond the system's limit.
    #[row("vrrp_netlink_monitor_rcv_bufs_force", ignored = "what is missed is read anew")]
    pub vrrp_netlink_monitor_rcv_bufs_force: Switch,
    /// How many bytes of adverts may wait.
    #[row("vrrp_rx_bufs_policy", ignored = "128 KiB are kept for each interface")]
    pub vrrp_rx_bufs_policy: BufferPolicy,
    /// How many adverts may wait.
    #[row("vrrp_rx_bufs_multiplier", ignored = "128 KiB are kept for each interface")]
    pub vrrp_rx_bufs_multiplier: Words<1>,
    /// The nftables table of `no_accept`.
    #[row("nftables", ignored = "no_accept has an nftables table of its own")]
    pub nftables: Words,
    /// Its priority.
    #[row("nftables_priority", ignored = "no_accept has an nftables table of its own")]
    pub nftables_priority: Words<1>,
    /// Its rules name interfaces by number.
    #[row("nftables_ifindex", ignored = "no_accept has an nftables table of its own")]
    pub nftables_ifindex: Flag,
    /// Its rules count.
    #[row("nftables_counters", ignored = "no_accept has an nftables table of its own")]
    pub nftables_counters: Flag,
    /// The iptables chains of `no_accept`.
    #[row("vrrp_iptables", ignored = "no_accept has an nftables table of its own")]
    pub vrrp_iptables: Words,
    /// The sets of those.
    #[row("vrrp_ipsets", ignored = "no_accept has an nftables table of its own")]
    pub vrrp_ipsets: Words,
    /// IPVS' timeouts.
    #[row("lvs_timeouts", ignored = "connections end as their ends end them")]
    pub lvs_timeouts: LvsTimeouts,
    /// Whether IPVS is emptied at the start.
    #[row("lvs_flush", ignored = "nothing of another's is touched")]
    pub lvs_flush: Flag,
    /// Whether IPVS is emptied at the end.
    #[row("lvs_flush_on_stop", ignored = "nothing of another's is touched")]
    #[row("lvs_flush_onstop", ignored = "nothing of another's is touched")]
    pub lvs_flush_on_stop: LvsFlush,
    /// Synchronises IPVS' connections between boxes.
    #[row("lvs_sync_daemon", ignored = "connections are not synchronised between the boxes")]
    pub lvs_sync_daemon: SyncDaemon,
    /// nftables in place of IPVS' marks.
    #[row("nftables_ipvs", ignored = "virtual servers need no marks")]
    pub nftables_ipvs: Words,
    /// Its priority.
    #[row("nftables_ipvs_priority", ignored = "virtual servers need no marks")]
    pub nftables_ipvs_priority: Words<1>,
    /// The first of its marks.
    #[row("nftables_ipvs_start_fwmark", ignored = "virtual servers need no marks")]
    pub nftables_ipvs_start_fwmark: Words<1>,
    /// The checkers' nice value.
    #[row("checker_priority")]
    pub checker_priority: Int<-20, 19>,
    /// Checkers are never swapped out.
    #[row("checker_no_swap")]
    pub checker_no_swap: Flag,
    /// The checkers' real-time priority.
    #[row("checker_rt_priority")]
    pub checker_rt_priority: Uint<0, 1000>,
    /// The CPUs the checkers may run on.
    #[row("checker_cpu_affinity")]
    pub checker_cpu_affinity: Cpus,
    /// How long checkers may run without waiting at real-time priority, microseconds.
    #[row("checker_rlimit_rttime")]
    #[row("checker_rlimit_rtime")]
    pub checker_rlimit_rttime: Uint<1, { u32::MAX }>,
    /// How many bytes of the kernel's answers may wait.
    #[row("lvs_netlink_cmd_rcv_bufs", ignored = "the kernel's default suffices")]
    #[row("lvs_netlink_monitor_rcv_bufs", ignored = "the kernel's default suffices")]
    pub lvs_netlink_rcv_bufs: Words<1>,
    /// Beyond the system's limit.
    #[row("lvs_netlink_cmd_rcv_bufs_force", ignored = "the kernel's default suffices")]
    #[row("lvs_netlink_monitor_rcv_bufs_force", ignored = "the kernel's default suffices")]
    pub lvs_netlink_rcv_bufs_force: Switch,
    /// Notifies of real servers at the start too.
    #[row("rs_init_notifies", ignored = "nothing is said of a server that has always been up")]
    pub rs_init_notifies: Flag,
    /// The BFD process' priority and its like.
    #[row("bfd_priority", ignored = "BFD sessions live in the VRRP process")]
    #[row("bfd_rt_priority", ignored = "BFD sessions live in the VRRP process")]
    #[row("bfd_cpu_affinity", ignored = "BFD sessions live in the VRRP process")]
    #[row("bfd_rlimit_rttime", ignored = "BFD sessions live in the VRRP process")]
    #[row("bfd_rlimit_rtime", ignored = "BFD sessions live in the VRRP process")]
    pub bfd_process: Words<1>,
    /// The BFD process is never swapped out.
    #[row("bfd_no_swap", ignored = "BFD sessions live in the VRRP process")]
    pub bfd_no_swap: Flag,
    /// Where the SNMP agent listens.
    #[row("snmp_socket", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    pub snmp_socket: Words,
    /// Speaks SNMP.
    #[row("enable_traps", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    #[row("enable_snmp_vrrp", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    #[row("enable_snmp_keepalived", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    #[row("enable_snmp_rfc", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    #[row("enable_snmp_rfcv2", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    #[row("enable_snmp_rfcv3", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    #[row("enable_snmp_checker", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    #[row("snmp_vs_stats_update_interval", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    #[row("snmp_rs_stats_update_interval", ignored = "there is no SNMP; `rkeep status --json` says the same")]
    pub snmp: Words,
    /// Speaks D-Bus.
    #[row("enable_dbus", ignored = "there is no D-Bus; `rkeep status --json` says the same")]
    #[row("dbus_service_name", ignored = "there is no D-Bus; `rkeep status --json` says the same")]
    #[row("dbus_no_interface_name", ignored = "there is no D-Bus; `rkeep status --json` says the same")]
    pub dbus: Words,
}

/// What stands outside of all blocks and is the parent's business.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "top level", within(k_top))]
pub struct Outside {
    /// The network namespace that it works in.
    #[row("net_namespace")]
    pub net_namespace: OptionalText,
    /// The one of virtual servers.
    #[row("net_namespace_ipvs", ignored = "virtual servers are where the rest is")]
    pub net_namespace_ipvs: OptionalText,
    /// Tells several keepalived of one machine apart.
    #[row("instance")]
    pub instance: OptionalText,
    /// PID files lie in a directory of their own.
    #[row("use_pid_dir")]
    pub use_pid_dir: Flag,
    /// How long children may take to end, seconds.
    #[row("child_wait_time")]
    pub child_wait_time: Uint<0, { u32::MAX }>,
    /// Whether ipsets are used in a network namespace.
    #[row("namespace_with_ipsets", ignored = "no ipset is used")]
    pub namespace_with_ipsets: Flag,
    /// All interfaces of instances are asked for their link every second.
    #[row("linkbeat_use_polling")]
    pub linkbeat_use_polling: Flag,
}

/// What stands outside of all blocks and is VRRP's business.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "top level", within(k_top))]
pub struct Fixed {
    /// Addresses that are set as long as it runs.
    #[row("static_ipaddress")]
    pub static_ipaddress: Vec<AddressLine>,
    /// Routes that are set as long as it runs.
    #[row("static_routes")]
    pub static_routes: Vec<RouteLine>,
    /// Rules that are set as long as it runs.
    #[row("static_rules")]
    pub static_rules: Vec<RuleLine>,
    /// Interfaces that are asked for their link every second, beside what the kernel tells of them.
    #[row("linkbeat_interfaces")]
    pub linkbeat_interfaces: Vec<LinkbeatLine>,
    /// How long a change of an interface must last, seconds.
    #[row("interface_up_down_delays")]
    pub interface_up_down_delays: Vec<DelayLine>,
}

pub use super::tuned::{
    AutoPriority, BufferPolicy, Cpus, DelayLine, IncludeCheck, LinkbeatLine, LvsFlush, LvsTimeouts, SyncDaemon,
};
