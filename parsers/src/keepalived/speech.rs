//! `vrrp_instance`: how adverts travel, and what they come from.

use super::number::{Uint, argument, remark};
use super::route::{RouteLine, RuleLine};
use super::value::{Address, Flag, Switch, Text, Words, refuse};
use crate::diag::{Class, Diagnostic};
use crate::ir::vrrp::Vmac;
use crate::syntax::tree::{Directive, Word};
use crate::table::{Arity, Cx, Directives, Fault, Value};

/// The rest of `vrrp_instance` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "vrrp_instance", within(k_instance))]
pub struct Travel {
    /// The hop limit of unicast adverts.
    #[row("unicast_ttl")]
    pub unicast_ttl: Uint<0, 255>,
    /// A unicast advert counts only with a hop limit that its peer may have.
    #[row("check_unicast_src")]
    pub check_unicast_src: Flag,
    /// Without unicast peers it is in FAULT instead of speaking to all.
    #[row("unicast_fault_no_peer")]
    pub unicast_fault_no_peer: Flag,
    /// Version 3's checksum of unicast adverts as keepalived had it before 1.3.6.
    #[row("old_unicast_checksum", ignored = "no keepalived since 2017 needs it")]
    pub old_unicast_checksum: Words,
    /// Its adverts travel by IPv6, which follows from its addresses.
    #[row("native_ipv6", ignored = "the family follows from the addresses")]
    pub native_ipv6: Flag,
    /// The group its adverts go to.
    #[row("mcast_dst_ip")]
    pub mcast_dst_ip: Address,
    /// Version 3's checksum leaves the IP addresses out.
    #[row("v3_checksum_as_v2")]
    pub v3_checksum_as_v2: Switch,
    /// The addresses are on an interface of their own, with the virtual router's MAC address.
    #[row("use_vmac")]
    pub use_vmac: VmacLine,
    /// Addresses on other interfaces are on an interface with that MAC address there.
    #[row("use_vmac_addr")]
    pub use_vmac_addr: Flag,
    /// Adverts leave by the interface itself, not by the virtual router's.
    #[row("vmac_xmit_base")]
    pub vmac_xmit_base: Flag,
    /// As `use_vmac`, with an ipvlan.
    #[row("use_ipvlan", ignored = "an ipvlan has its interface's MAC address, so the addresses are set there")]
    pub use_ipvlan: Words,
    /// The VRF that addresses without an interface are in.
    #[row("vrf", ignored = "an instance needs an interface; name one of the VRF")]
    pub vrf: Text,
    /// Addresses on other interfaces with the virtual router's MAC address are announced again every so many seconds; with
    /// `all` those on any other interface.
    #[row("garp_extra_if")]
    pub garp_extra_if: ExtraGarp,
    /// An old word for `garp_extra_if`.
    #[row("vmac_garp_intvl")]
    pub vmac_garp_intvl: ExtraGarp,
    /// An interface's secondary addresses become primary when the primary goes.
    #[row("promote_secondaries")]
    pub promote_secondaries: Flag,
    /// The interface is asked for its link every second, beside what the kernel tells of it.
    #[row("linkbeat_use_polling")]
    pub linkbeat_use_polling: Flag,
    /// The loss of the source address is a fault, which it is anyway: there is nothing to speak from.
    #[row("track_src_ip")]
    pub track_src_ip: Flag,
    /// An address owner takes no notice of others' adverts.
    #[row("owner_ignore_adverts")]
    pub owner_ignore_adverts: Flag,
    /// How many bytes of adverts may wait.
    #[row("kernel_rx_buf_size", ignored = "128 KiB are kept for each interface")]
    pub kernel_rx_buf_size: Uint<0, { u32::MAX }>,
    /// It has no virtual addresses, on purpose.
    #[row("no_virtual_ipaddress")]
    pub no_virtual_ipaddress: Flag,
    /// FIFOs are told of every change of priority.
    #[row("notify_priority_changes")]
    pub notify_priority_changes: Switch,
    /// Packets to the addresses are dropped unless it owns them.
    #[row("no_accept")]
    pub no_accept: Flag,
    /// Nothing but what RFC 5798 knows.
    #[row("strict_mode")]
    pub strict_mode: Switch,
    /// Becomes backup when its timer fires late.
    #[row("timer_expired_backup", ignored = "waiting adverts are read before a late timer counts")]
    pub timer_expired_backup: Words<1>,
    /// An old word for `timer_expired_backup`.
    #[row("thread_timer_expired", ignored = "waiting adverts are read before a late timer counts")]
    pub thread_timer_expired: Words<1>,
    /// Routes that move with the addresses.
    #[row("virtual_routes")]
    pub virtual_routes: Vec<RouteLine>,
    /// Rules that move with the addresses.
    #[row("virtual_rules")]
    pub virtual_rules: Vec<RuleLine>,
}

/// `use_vmac [[name] INTERFACE] [MAC] …`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VmacLine(pub Vmac);

const LONGEST_NAME: usize = 15;

impl Value for VmacLine {
    const ARITY: Arity = Arity::ANY;
    const SYNTAX: &'static str = "[[name] interface] [mac]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let mut vmac = Vmac::default();
        let mut words = directive.args.iter();
        while let Some(word) = words.next() {
            let text = word.lossy();
            match &*text {
                "name" | "netlink_notify_msg" if !cx.is_old_keepalived() => {}
                "group" if !cx.is_old_keepalived() => drop(words.next()),
                _ if mac(&text).is_some() => vmac.mac = mac(&text),
                // No MAC address, though it looks like one: keepalived lets it pass.
                _ if text.split(':').count() > 2 => {}
                // 2.2 knows no words here, so a second one is a second name.
                _ if cx.is_old_keepalived() && !vmac.name.is_empty() => {
                    cx.diagnostics.push(second_name(word));
                    break;
                }
                _ if text.len() > LONGEST_NAME || text.contains('/') => {
                    let what = format!("VMAC interface name '{text}' too long or invalid characters - ignoring");
                    return Err(refuse(cx, word, what, "at most 15 bytes"));
                }
                _ if vmac.name.is_empty() => vmac.name = text.into_owned(),
                _ => cx.diagnostics.push(second_name(word)),
            }
        }
        Ok(VmacLine(vmac))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

fn second_name(word: &Word) -> Diagnostic {
    remark("VMAC interface name already specified", Class::General).at(word.span, "").help("one name")
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let bytes: Vec<u8> = text.split(':').map(|part| u8::from_str_radix(part, 16).ok()).collect::<Option<_>>()?;
    bytes.try_into().ok()
}

/// `garp_extra_if [all] SECONDS`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtraGarp<const LEAST: u32 = 0> {
    /// How often; 0 for never.
    pub seconds: u32,
    /// Not on interfaces with the virtual router's MAC address alone.
    pub all: bool,
}

impl<const LEAST: u32> Value for ExtraGarp<LEAST> {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "[all] seconds";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let first = argument(directive)?;
        let all = first.is("all");
        let number = if all { directive.args.get(1).unwrap_or(first) } else { first };
        super::number::unsigned(number, LEAST, 86_400, cx).map(|seconds| ExtraGarp { seconds, all })
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}
