//! `global_defs`.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::number::{Seconds, Uint};
use super::tuned::DelayLine;
use super::value::{Address, Command, Flag, List, OptionalText, Switch, set_command};
use crate::ir::vrrp::Script;
use crate::syntax::tree::Directive;
use crate::table::{Arity, Cx, Directives, Fault, Value};

/// `global_defs` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "global_defs", within(k_global))]
pub struct GlobalDefs {
    /// Names this box in mails.
    #[row("router_id")]
    pub router_id: OptionalText,
    /// Whom mails go to.
    #[row("notification_email")]
    pub notification_email: List,
    /// Whom mails come from.
    #[row("notification_email_from")]
    pub notification_email_from: OptionalText,
    /// Where mails are handed in.
    #[row("smtp_server")]
    pub smtp_server: SmtpServer,
    /// How this box greets the mail server.
    #[row("smtp_helo_name")]
    pub smtp_helo_name: OptionalText,
    /// How long the mail server may take to answer, seconds.
    #[row("smtp_connect_timeout", usual = "30")]
    pub smtp_connect_timeout: Uint<0, 4294>,
    /// Whether anything that does not say otherwise sends mails.
    #[row("smtp_alert")]
    pub smtp_alert: Switch,
    /// The same for `vrrp_instance` and `vrrp_sync_group`.
    #[row("smtp_alert_vrrp")]
    pub smtp_alert_vrrp: Switch,
    /// The same for `virtual_server` and `real_server`.
    #[row("smtp_alert_checker")]
    pub smtp_alert_checker: Switch,
    /// No mail for instances in FAULT.
    #[row("no_email_faults")]
    pub no_email_faults: Flag,
    /// No mail about a check that does not change its real server.
    #[row("no_checker_emails", usual = "off")]
    pub no_checker_emails: Switch,
    /// A FIFO that gets a line for every change.
    #[row("notify_fifo")]
    pub notify_fifo: FifoPath,
    /// Reads that FIFO.
    #[row("notify_fifo_script")]
    pub notify_fifo_script: Command,
    /// A FIFO that gets a line for every change of an instance or group.
    #[row("vrrp_notify_fifo")]
    pub vrrp_notify_fifo: FifoPath,
    /// Reads that FIFO.
    #[row("vrrp_notify_fifo_script")]
    pub vrrp_notify_fifo_script: Command,
    /// A FIFO that gets a line for every change of a virtual or real server.
    #[row("lvs_notify_fifo")]
    pub lvs_notify_fifo: FifoPath,
    /// Reads that FIFO.
    #[row("lvs_notify_fifo_script")]
    pub lvs_notify_fifo_script: Command,
    /// The user that scripts run as.
    #[row("script_user")]
    pub script_user: ScriptUser,
    /// Scripts run as root must not be writable by others.
    #[row("enable_script_security")]
    pub enable_script_security: Flag,
    /// Runs before anything else starts.
    #[row("startup_script", by = set_command)]
    pub startup_script: Command,
    /// Runs after everything else has stopped.
    #[row("shutdown_script", by = set_command)]
    pub shutdown_script: Command,
    /// Before instances start, seconds.
    #[row("vrrp_startup_delay")]
    pub vrrp_startup_delay: Seconds<1_000, 4_294_967_295, true>,
    /// The IPv4 group adverts go to.
    #[row("vrrp_mcast_group4", usual = "224.0.0.18")]
    pub vrrp_mcast_group4: Address,
    /// Between the first and the second burst of gratuitous ARP, seconds; 0 for one burst only.
    #[row("vrrp_garp_master_delay", usual = "5")]
    pub garp_master_delay: Uint<0, 4294>,
    /// How many gratuitous ARPs a burst on becoming master has.
    #[row("vrrp_garp_master_repeat", usual = "5")]
    pub garp_master_repeat: Uint<0, { u32::MAX }>,
    /// How often a master announces its addresses again, seconds; 0 for never.
    #[row("vrrp_garp_master_refresh", usual = "0")]
    pub garp_master_refresh: Uint<0, { u32::MAX }>,
    /// How many gratuitous ARPs such a refresh has.
    #[row("vrrp_garp_master_refresh_repeat", usual = "1")]
    pub garp_master_refresh_repeat: Uint<0, { u32::MAX }>,
    /// Between the burst after an advert with lower priority and a second one, seconds; `vrrp_garp_master_delay` unless said.
    #[row("vrrp_garp_lower_prio_delay", usual = "5")]
    pub garp_lower_prio_delay: Uint<0, 4294>,
    /// How many gratuitous ARPs a master sends when it hears a lower one; `vrrp_garp_master_repeat` unless said.
    #[row("vrrp_garp_lower_prio_repeat", usual = "5")]
    pub garp_lower_prio_repeat: Uint<0, 2_147_483_647>,
    /// Adverts missed before a backup takes over.
    #[row("vrrp_down_timer_adverts", usual = "3")]
    pub down_timer_adverts: Uint<1, 100>,
    /// A master that hears a lower one sends no advert of its own at once.
    #[row("vrrp_lower_prio_no_advert", usual = "off")]
    pub lower_prio_no_advert: Switch,
    /// A master that hears a higher one sends one more advert before it yields.
    #[row("vrrp_higher_prio_send_advert", usual = "off")]
    pub higher_prio_send_advert: Switch,
    /// The VRRP version of instances that do not say.
    #[row("vrrp_version", usual = "2")]
    pub vrrp_version: super::number::Int<2, 3>,
    /// Checkers log every failure, not only the last.
    #[row("checker_log_all_failures")]
    pub checker_log_all_failures: Switch,
    /// An instance's addresses are compared with an advert's only while they change.
    #[row(
        "vrrp_skip_check_adv_addr",
        ignored = "every advert's addresses are compared, which costs nothing worth saving"
    )]
    pub skip_check_adv_addr: Switch,
    /// Between two gratuitous ARPs on one interface, seconds.
    #[row("vrrp_garp_interval")]
    pub garp_interval: Seconds<1, 4_294_967_295>,
    /// Between two unsolicited neighbour advertisements on one interface, seconds.
    #[row("vrrp_gna_interval")]
    pub gna_interval: Seconds<1, 4_294_967_295>,
    /// Interfaces may be missing when keepalived starts.
    #[row("dynamic_interfaces")]
    pub dynamic_interfaces: OptionalText,
}

/// `smtp_server NAME [PORT]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// 25 unless said.
    pub port: u16,
}

impl Value for SmtpServer {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "host [port]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let host = super::number::argument(directive)?.lossy().into_owned();
        let port = directive.args.get(1).map(|word| super::number::unsigned(word, 1, 65_535, cx)).transpose()?;
        Ok(SmtpServer { host, port: port.map_or(25, |port| port as u16) })
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `notify_fifo PATH [USER [GROUP]]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FifoPath {
    /// Where it is made.
    pub path: String,
    /// Whose it becomes.
    pub user: Option<(String, Option<String>)>,
}

impl Value for FifoPath {
    const ARITY: Arity = Arity::range(1, 3);
    const SYNTAX: &'static str = "path [user [group]]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let path = super::number::argument(directive)?.lossy().into_owned();
        let mut words = directive.args.iter().skip(1).map(|word| word.lossy().into_owned());
        Ok(FifoPath { path, user: words.next().map(|user| (user, words.next())) })
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `script_user USER [GROUP]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptUser(pub Option<(String, Option<String>)>);

impl Value for ScriptUser {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "user [group]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let mut words = directive.args.iter().map(|word| word.lossy().into_owned());
        Ok(ScriptUser(words.next().map(|user| (user, words.next()))))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `global_defs`, ready for use: what the rows wrote, with keepalived's defaults.
#[derive(Clone, Debug)]
pub struct Global {
    /// `router_id`; the host name unless said.
    pub router_id: String,
    /// `notification_email`
    pub email_to: Vec<String>,
    /// `notification_email_from`
    pub email_from: Option<String>,
    /// `smtp_server` as written; resolved when a mail goes out, so that a name server that is away loses nothing.
    pub smtp_server: Option<SmtpServer>,
    /// `smtp_helo_name`; the host name unless said.
    pub smtp_helo_name: Option<String>,
    /// `smtp_connect_timeout`, 30 s unless said.
    pub smtp_connect_timeout: Duration,
    /// `smtp_alert` for everything that does not say otherwise.
    pub smtp_alert: Option<bool>,
    /// `script_user`
    pub script_user: Option<(String, Option<String>)>,
    /// `enable_script_security`
    pub script_security: bool,
    /// `startup_script`
    pub startup_script: Option<Script>,
    /// `shutdown_script`
    pub shutdown_script: Option<Script>,
    /// `startup_script_timeout`, 10 s unless said.
    pub startup_timeout: Duration,
    /// `shutdown_script_timeout`, 10 s unless said.
    pub shutdown_timeout: Duration,
    /// `vrrp_startup_delay`
    pub vrrp_startup_delay: Duration,
    /// `vrrp_delay_after_boot`: so long after the machine's start.
    pub delay_after_boot: Duration,
    /// `vrrp_garp_interval`: between two gratuitous ARPs on one interface.
    pub garp_interval: Duration,
    /// `vrrp_gna_interval`: the same of neighbour advertisements.
    pub gna_interval: Duration,
    /// `garp_group`s, which have distances of their own.
    pub garp_groups: Vec<GarpGroup>,
    /// `interface_up_down_delays`: how long a change of an interface must last.
    pub link_delays: Vec<DelayLine>,
    /// `notify_fifo`, `notify_fifo_script`: all lines.
    pub notify_fifo: Option<Fifo>,
    /// `vrrp_notify_fifo`, `vrrp_notify_fifo_script`
    pub vrrp_notify_fifo: Option<Fifo>,
    /// `lvs_notify_fifo`, `lvs_notify_fifo_script`
    pub lvs_notify_fifo: Option<Fifo>,
    /// `no_email_faults`
    pub no_email_faults: bool,
    /// `fifo_write_vrrp_states_on_reload`
    pub fifo_after_reload: bool,
    /// `no_checker_emails`: no mail about a check that does not change its real server.
    pub no_checker_emails: bool,
    /// `vrrp_mcast_group4`, 224.0.0.18 unless said.
    pub mcast_group4: Option<Ipv4Addr>,
    /// `vrrp_mcast_group6`, ff02::12 unless said.
    pub mcast_group6: Option<Ipv6Addr>,
    /// `log_unknown_vrids`
    pub log_unknown_vrids: bool,
    /// How the VRRP process runs.
    pub process: Process,
    /// How the checkers run.
    pub checkers: Process,
    /// Where dumps are written.
    pub dumps: Dumps,
    /// Where it works.
    pub place: Place,
}

/// Where a keepalived works, and what tells it apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// `net_namespace`
    pub net_namespace: Option<String>,
    /// `instance`
    pub instance: Option<String>,
    /// `use_pid_dir`
    pub pid_dir: bool,
    /// `child_wait_time`, seconds.
    pub child_wait: Option<u32>,
}

/// How the VRRP process or the checkers run; the words of the former are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// `vrrp_priority`
    pub nice: Option<i32>,
    /// `vrrp_rt_priority`; real-time priority in any case, unless `vrrp_priority` says otherwise.
    pub real_time: Option<u32>,
    /// `vrrp_cpu_affinity`
    pub cpus: Vec<usize>,
    /// `vrrp_rlimit_rttime`, microseconds.
    pub run_limit: Option<u32>,
    /// `vrrp_no_swap`, which it never is in any case.
    pub no_swap: bool,
}

/// Where dumps are written, if not in their usual places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dumps {
    /// `state_dump_file`
    pub state: Option<String>,
    /// `stats_dump_file`
    pub stats: Option<String>,
    /// `json_dump_file`
    pub json: Option<String>,
    /// `json_version`, 1 unless said.
    pub json_version: u32,
}

/// A FIFO that gets lines of state, and the script that reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fifo {
    /// Where; made unless it is there.
    pub path: String,
    /// Whose it is when it is made.
    pub user: Option<(String, Option<String>)>,
    /// Started with the path as its last argument.
    pub script: Option<Script>,
}

/// Interfaces whose announcements keep a distance from one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GarpGroup {
    /// Their names.
    pub interfaces: Vec<String>,
    /// Between two gratuitous ARPs on any of them.
    pub garp_interval: Duration,
    /// Between two neighbour advertisements on any of them.
    pub gna_interval: Duration,
}

impl Default for Global {
    fn default() -> Self {
        Global {
            router_id: String::new(),
            email_to: Vec::new(),
            email_from: None,
            smtp_server: None,
            smtp_helo_name: None,
            smtp_connect_timeout: Duration::from_secs(30),
            smtp_alert: None,
            no_email_faults: false,
            fifo_after_reload: false,
            script_user: None,
            script_security: false,
            startup_script: None,
            shutdown_script: None,
            startup_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(10),
            vrrp_startup_delay: Duration::ZERO,
            delay_after_boot: Duration::ZERO,
            garp_interval: Duration::ZERO,
            gna_interval: Duration::ZERO,
            garp_groups: Vec::new(),
            link_delays: Vec::new(),
            notify_fifo: None,
            vrrp_notify_fifo: None,
            lvs_notify_fifo: None,
            no_checker_emails: false,
            mcast_group4: None,
            mcast_group6: None,
            log_unknown_vrids: false,
            process: Process::default(),
            checkers: Process::default(),
            dumps: Dumps::default(),
            place: Place::default(),
        }
    }
}
