//! `vrrp_instance`, its `authentication`, and `vrrp_sync_group`.

use super::address::{AddressLine, PeerLine};
use super::number::{Int, Seconds, Uint, argument};
use super::value::{Address, Command, Flag, List, OptionalCommand, Switch, Text, refuse, set_command, silent};
use crate::ir::vrrp::InitialState;
use crate::source::Spanned;
use crate::syntax::tree::Directive;
use crate::table::{Arity, Cx, Directives, Fault, Value};

/// `vrrp_instance` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "vrrp_instance", within(k_instance))]
pub struct Instance {
    /// What it wants to be; matters only for the address owner.
    #[row("state", usual = "BACKUP", by = set_state)]
    pub state: State,
    /// The interface adverts go out on.
    #[row("interface")]
    pub interface: Text,
    /// The virtual router's number, the same on all its boxes.
    #[row("virtual_router_id")]
    pub virtual_router_id: Uint<1, 255, true>,
    /// The box with the highest is master; 255 owns the address.
    #[row("priority", usual = "100")]
    pub priority: Uint<1, 255, true>,
    /// Between two adverts, seconds.
    #[row("advert_int", usual = "1")]
    pub advert_int: Seconds<10_000, 255_000_000, true>,
    /// Adverts missed before a backup takes over.
    #[row("down_timer_adverts", usual = "3")]
    pub down_timer_adverts: Uint<1, 100>,
    /// The VRRP version.
    #[row("version", usual = "2")]
    pub version: Int<2, 3>,
    /// The addresses that move.
    #[row("virtual_ipaddress")]
    pub virtual_ipaddress: Vec<AddressLine>,
    /// More addresses that move, not named in adverts.
    #[row("virtual_ipaddress_excluded")]
    pub virtual_ipaddress_excluded: Vec<AddressLine>,
    /// A master with lower priority keeps the addresses.
    #[row("nopreempt")]
    pub nopreempt: Flag,
    /// The default; clears `nopreempt`.
    #[row("preempt")]
    pub preempt: Flag,
    /// How long a lower master is left alone after start, seconds.
    #[row("preempt_delay", usual = "0")]
    pub preempt_delay: Seconds<0, 1_000_000_000>,
    /// The loss of the instance's own interface is no fault.
    #[row("dont_track_primary")]
    pub dont_track_primary: Flag,
    /// The source address of adverts.
    #[row("mcast_src_ip")]
    pub mcast_src_ip: Address,
    /// The source address of unicast adverts.
    #[row("unicast_src_ip")]
    pub unicast_src_ip: Address,
    /// Whom adverts go to instead of the multicast group.
    #[row("unicast_peer")]
    pub unicast_peer: Vec<PeerLine>,
    /// `vrrp_garp_master_delay` of this instance alone.
    #[row("garp_master_delay")]
    pub garp_master_delay: Uint<0, 4294>,
    /// `vrrp_garp_master_repeat` of this instance alone.
    #[row("garp_master_repeat")]
    pub garp_master_repeat: Uint<0, { u32::MAX }>,
    /// `vrrp_garp_master_refresh` of this instance alone.
    #[row("garp_master_refresh")]
    pub garp_master_refresh: Uint<0, { u32::MAX }>,
    /// `vrrp_garp_master_refresh_repeat` of this instance alone.
    #[row("garp_master_refresh_repeat")]
    pub garp_master_refresh_repeat: Uint<0, { u32::MAX }>,
    /// `vrrp_garp_lower_prio_delay` of this instance alone.
    #[row("garp_lower_prio_delay")]
    pub garp_lower_prio_delay: Uint<0, 4294>,
    /// `vrrp_garp_lower_prio_repeat` of this instance alone.
    #[row("garp_lower_prio_repeat")]
    pub garp_lower_prio_repeat: Uint<0, { u32::MAX }>,
    /// `vrrp_lower_prio_no_advert` of this instance alone.
    #[row("lower_prio_no_advert")]
    pub lower_prio_no_advert: Switch,
    /// `vrrp_higher_prio_send_advert` of this instance alone.
    #[row("higher_prio_send_advert")]
    pub higher_prio_send_advert: Switch,
    /// `vrrp_skip_check_adv_addr` of this instance alone.
    #[row("skip_check_adv_addr", ignored = "every advert's addresses are compared, which costs nothing worth saving")]
    pub skip_check_adv_addr: Switch,
    /// Packets to the virtual addresses are taken, which is the default.
    #[row("accept")]
    pub accept: Flag,
    /// Mail at each change of state.
    #[row("smtp_alert")]
    pub smtp_alert: Switch,
    /// The interface of IPVS' synchronisation, said in an instance as in old files.
    #[row("lvs_sync_daemon_interface", ignored = "connections are not synchronised between the boxes")]
    pub lvs_sync_daemon_interface: Text,
    /// Has had no effect in keepalived for years.
    #[row("debug", ignored = "keepalived reads it and does nothing with it")]
    pub debug: Uint<0, 4>,
}

/// The scripts of an instance or a group.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "vrrp_instance", within(k_instance, k_sync_group))]
pub struct Notify {
    /// Runs when it becomes master.
    #[row("notify_master", by = set_command)]
    pub master: Command,
    /// Runs when it becomes backup.
    #[row("notify_backup", by = set_command)]
    pub backup: Command,
    /// Runs at a fault.
    #[row("notify_fault", by = set_command)]
    pub fault: Command,
    /// Runs when keepalived stops.
    #[row("notify_stop", by = set_command)]
    pub stop: Command,
    /// Runs when a reload removed the instance.
    #[row("notify_deleted", within(k_instance))]
    pub deleted: OptionalCommand,
    /// Runs when a master hears a lower one.
    #[row("notify_master_rx_lower_pri", within(k_instance), by = set_command)]
    pub master_rx_lower_pri: Command,
    /// Runs at each change, with kind, name, state and priority as arguments.
    #[row("notify", by = set_command)]
    pub any: Command,
}

/// `authentication` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "authentication", within(k_authentication))]
pub struct Authentication {
    /// How adverts are authenticated.
    #[row("auth_type")]
    pub auth_type: AuthType,
    /// The password: its first eight bytes count.
    #[row("auth_pass")]
    pub auth_pass: Text,
}

/// `vrrp_sync_group` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "vrrp_sync_group", within(k_sync_group))]
pub struct SyncGroup {
    /// The instances that change together.
    #[row("group")]
    pub group: List,
    /// Mail at each change of state.
    #[row("smtp_alert")]
    pub smtp_alert: Switch,
    /// Weights of what is tracked count in the group too.
    #[row("sync_group_tracking_weight")]
    pub sync_group_tracking_weight: Flag,
    /// Has had no effect in keepalived for years.
    #[row("global_tracking", ignored = "keepalived reads it and does nothing with it")]
    pub global_tracking: Flag,
}

/// `state`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State(pub InitialState);

impl State {
    fn name(self) -> &'static str {
        match self.0 {
            InitialState::Master => "MASTER",
            InitialState::Backup => "BACKUP",
        }
    }
}

impl Value for State {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "MASTER | BACKUP";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        match &word.text[..] {
            b"MASTER" => Ok(State(InitialState::Master)),
            b"BACKUP" => Ok(State(InitialState::Backup)),
            _ => Err(silent().at(word.span).help("MASTER or BACKUP, in capitals")),
        }
    }
}

/// Sets `state` once: keepalived keeps the first.
///
/// # Errors
/// Another state than before, or an unknown one.
pub fn set_state(field: &mut Option<Spanned<State>>, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
    let state = State::parse(directive, cx)?;
    match field {
        Some(known) if known.value != state => {
            let what =
                format!("({}) state previously set as {} - ignoring {}", cx.owner, known.value.name(), state.name());
            Err(refuse(cx, &directive.name, what, "write `state` once"))
        }
        _ => {
            *field = Some(Spanned::new(state, directive.span));
            Ok(())
        }
    }
}

/// `auth_type`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthType {
    /// `PASS`
    #[default]
    Pass,
    /// `AH`
    Ah,
}

impl Value for AuthType {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "PASS | AH";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        match &word.text[..] {
            b"PASS" => Ok(AuthType::Pass),
            b"AH" => Ok(AuthType::Ah),
            _ => Err(silent().at(word.span).help("PASS or AH, in capitals")),
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}
