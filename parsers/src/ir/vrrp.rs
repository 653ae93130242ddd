//! keepalived's VRRP part: what a `vrrp_instance` block says, made ready for the machine.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Id;
use super::hmac::Hmac;
use super::route::Paths;
use super::track::{Kind, Track};
use crate::source::Span;

/// A `vrrp_instance`: one virtual router on one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Router {
    /// Its name.
    pub name: String,
    /// `state`
    pub initial: InitialState,
    /// `interface`
    pub interface: String,
    /// `virtual_router_id`, 1…255.
    pub vrid: u8,
    /// `priority`, 1…255; 255 is the address owner.
    pub priority: u8,
    /// `version`, 2 or 3.
    pub version: u8,
    /// `advert_int`; whole seconds in version 2.
    pub advert_interval: Duration,
    /// `down_timer_adverts`, 3 unless said.
    pub down_timer_adverts: u8,
    /// `authentication`
    pub auth: Auth,
    /// `virtual_ipaddress`
    pub addresses: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: as the others, but not in adverts.
    pub excluded: Vec<VirtualAddress>,
    /// `virtual_routes` and `virtual_rules`, which move with the addresses.
    pub paths: Arc<Paths>,
    /// `nopreempt`
    pub nopreempt: bool,
    /// Whether its priority falls while this box cannot serve what its addresses are for.
    pub follows_service: bool,
    /// `preempt_delay`
    pub preempt_delay: Duration,
    /// `track_interface`, `track_script`, …
    pub tracks: Vec<Track>,
    /// `dont_track_primary`
    pub dont_track_primary: bool,
    /// `mcast_src_ip` or `unicast_src_ip`
    pub source: Option<IpAddr>,
    /// `unicast_peer`; empty for multicast.
    pub unicast_peers: Vec<Peer>,
    /// How its adverts travel, beyond that.
    pub speech: Speech,
    /// `strict_mode`: nothing but what RFC 5798 knows.
    pub strict: bool,
    /// `garp_master_delay`: the second burst, 5 s unless said; zero for none.
    pub garp_delay: Duration,
    /// `garp_master_repeat`, 5 unless said.
    pub garp_repeat: u32,
    /// `garp_master_refresh`; zero for none.
    pub garp_refresh: Duration,
    /// `garp_master_refresh_repeat`, 1 unless said.
    pub garp_refresh_repeat: u32,
    /// `garp_lower_prio_delay`
    pub garp_lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`
    pub garp_lower_prio_repeat: u32,
    /// `lower_prio_no_advert`
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`
    pub higher_prio_send_advert: bool,
    /// `smtp_alert`
    pub smtp_alert: bool,
    /// `notify_master`, `notify_backup`, `notify_fault`, `notify_stop`, `notify`, …
    pub notify: NotifyScripts,
    /// `debug`
    pub debug: u8,
    /// The `vrrp_sync_group` it is in.
    pub group: Option<Id<Group>>,
    /// The block.
    pub span: Span,
}

impl Router {
    /// What it tracks of a kind.
    pub fn tracked(&self, kind: Kind) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(move |track| track.kind == kind)
    }

    /// The interface that its addresses are on unless they say another.
    pub fn bears(&self) -> &str {
        self.speech.vmac.as_ref().map_or(&self.interface, |vmac| &vmac.name)
    }

    /// The interfaces that are made for it: each with the one it is on, and whether it is IPv6's.
    pub fn vmacs(&self) -> impl Iterator<Item = (&Vmac, &str, bool)> {
        let own = self.speech.vmac.iter().map(|vmac| (vmac, self.interface.as_str(), self.is_ipv6()));
        own.chain(self.speech.carriers.iter().map(|carrier| (&carrier.vmac, carrier.base.as_str(), carrier.ipv6)))
    }

    /// The interface that one of its carriers is on.
    pub fn base_of(&self, device: &str) -> Option<&str> {
        self.speech.carriers.iter().find(|carrier| carrier.vmac.name == device).map(|carrier| carrier.base.as_str())
    }

    /// Whether an address is announced by `garp_extra_if`.
    pub fn is_extra(&self, address: &VirtualAddress) -> bool {
        let Some(extra) = self.speech.extra_garp else { return false };
        let other = address.device.as_deref().filter(|device| *device != self.bears());
        other.is_some_and(|device| extra.all || self.base_of(device).is_some())
    }

    /// Whether packets to its addresses are dropped: an address owner's never are.
    pub fn refuses(&self) -> bool {
        self.speech.no_accept && self.priority != 255
    }

    /// The interface that its adverts come in and leave by.
    pub fn transmits(&self) -> &str {
        if self.speech.xmit_base { &self.interface } else { self.bears() }
    }

    /// Whether its adverts travel by IPv6.
    pub fn is_ipv6(&self) -> bool {
        let source = self.source.or(self.unicast_peers.first().map(|peer| peer.address));
        source.or(self.addresses.first().map(|first| first.address)).is_some_and(|address| address.is_ipv6())
    }
}

/// A line of `unicast_peer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The peer.
    pub address: IpAddr,
    /// `min_ttl`: the least hop limit its adverts may come with.
    pub min_ttl: u8,
    /// `max_ttl`
    pub max_ttl: u8,
}

impl Peer {
    /// A peer of whom nothing else is said.
    pub fn of(address: IpAddr) -> Peer {
        Peer { address, min_ttl: 0, max_ttl: 255 }
    }
}

/// What is set as long as keepalived runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// `static_ipaddress`; each names its interface.
    pub addresses: Vec<VirtualAddress>,
    /// `static_routes` and `static_rules`
    pub paths: Arc<Paths>,
}

/// How an instance's adverts travel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Speech {
    /// `unicast_ttl`, 255 unless said.
    pub unicast_ttl: Option<u8>,
    /// `check_unicast_src`
    pub check_unicast_source: bool,
    /// `unicast_fault_no_peer`
    pub fault_without_peer: bool,
    /// `mcast_dst_ip`, or the group for all.
    pub group: Option<IpAddr>,
    /// `v3_checksum_as_v2`: version 3's checksum leaves the IP addresses out.
    pub checksum_as_v2: bool,
    /// `use_vmac`
    pub vmac: Option<Vmac>,
    /// `use_vmac_addr`: those for addresses on other interfaces.
    pub carriers: Vec<Carrier>,
    /// `garp_extra_if`
    pub extra_garp: Option<ExtraGarp>,
    /// `vmac_xmit_base`: adverts leave by the interface itself.
    pub xmit_base: bool,
    /// `promote_secondaries`
    pub promote_secondaries: bool,
    /// `owner_ignore_adverts`
    pub owner_ignores_adverts: bool,
    /// `notify_priority_changes`
    pub notify_priority_changes: bool,
    /// `auth_hmac`
    pub hmac: Option<Hmac>,
    /// `no_accept`: packets to its addresses are dropped.
    pub no_accept: bool,
}

/// `use_vmac`: an interface of its own with the virtual router's MAC address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vmac {
    /// Its name; `vrrp.VRID` unless written.
    pub name: String,
    /// Its MAC address unless it is the virtual router's.
    pub mac: Option<[u8; 6]>,
}

/// An interface with the virtual router's MAC address for addresses on another interface than the instance's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carrier {
    /// The interface itself.
    pub vmac: Vmac,
    /// What it is on.
    pub base: String,
    /// Whether its addresses are IPv6's.
    pub ipv6: bool,
}

/// `garp_extra_if`: regular announcements on other interfaces than the instance's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtraGarp {
    /// How often.
    pub every: Duration,
    /// On all of them, not on carriers alone.
    pub all: bool,
}

/// `state` of a `vrrp_instance`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InitialState {
    /// `BACKUP`
    #[default]
    Backup,
    /// `MASTER`: matters only for the address owner.
    Master,
}

/// `authentication`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Auth {
    /// None.
    #[default]
    None,
    /// `auth_type PASS`: eight bytes, zero filled.
    Pass([u8; 8]),
    /// `auth_type AH`
    Ah([u8; 8]),
}

/// A line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualAddress {
    /// The address.
    pub address: IpAddr,
    /// Its prefix, /32 or /128 unless written.
    pub prefix: u8,
    /// `brd`
    pub broadcast: Option<IpAddr>,
    /// `dev`; the instance's interface unless written.
    pub device: Option<String>,
    /// `label`
    pub label: Option<String>,
    /// `scope` as the kernel's number: 0 global, 253 link, 254 host.
    pub scope: u8,
    /// `no_track`
    pub no_track: bool,
    /// The line.
    pub span: Span,
}

/// A command: keepalived runs it without a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// User and group written after it.
    pub user: Option<(String, Option<String>)>,
    /// The directive.
    pub span: Span,
}

impl Script {
    /// The file with its text: the program, or what a shell is told to read.
    pub fn file(&self) -> Option<&str> {
        let (program, arguments) = self.argv.split_first()?;
        let name = program.rsplit('/').next().unwrap_or(program);
        match name {
            "sh" | "bash" | "dash" | "ksh" | "zsh" => arguments.iter().find(|word| !word.starts_with('-')),
            _ => Some(program),
        }
        .map(String::as_str)
    }
}

/// The `notify…` scripts of an instance or a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotifyScripts {
    /// `notify_master`
    pub master: Option<Script>,
    /// `notify_backup`
    pub backup: Option<Script>,
    /// `notify_fault`
    pub fault: Option<Script>,
    /// `notify_stop`
    pub stop: Option<Script>,
    /// `notify_deleted`
    pub deleted: Option<Script>,
    /// `notify_master_rx_lower_pri`
    pub master_rx_lower_pri: Option<Script>,
    /// `notify`
    pub any: Option<Script>,
}

impl NotifyScripts {
    /// Those that are written.
    pub fn all(&self) -> impl Iterator<Item = &Script> {
        let NotifyScripts { master, backup, fault, stop, deleted, master_rx_lower_pri, any } = self;
        [master, backup, fault, stop, deleted, master_rx_lower_pri, any].into_iter().flatten()
    }
}

/// A `vrrp_sync_group`.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its members.
    pub members: Vec<Id<Router>>,
    /// What all its members track.
    pub tracks: Vec<Track>,
    /// `sync_group_tracking_weight`: weights count in the group too.
    pub tracks_weight: bool,
    /// `smtp_alert`
    pub smtp_alert: bool,
    /// `notify…`
    pub notify: NotifyScripts,
    /// The block.
    pub span: Span,
}
