//! Kernel NAT on one LAN: real servers that can answer a client without the director never complete its connections.

use std::net::IpAddr;

use super::Side;
use crate::diag::Diagnostic;
use crate::ir::service::{Forward, Service};
use crate::ir::vrrp::VirtualAddress;

/// How much of two IPv4 addresses must agree to call it one LAN where the file does not say.
const USUAL_LAN: u8 = 24;
/// The same for IPv6.
const USUAL_LAN_V6: u8 = 64;

/// One finding for each NAT service whose real servers stand on the virtual address's own LAN.
pub(super) fn findings(keepalived: Side<'_>) -> Vec<Diagnostic> {
    let services = keepalived.ir.services.values().filter(|service| service.forward == Forward::Nat);
    services.filter_map(|service| finding(keepalived, service)).collect()
}

fn finding(keepalived: Side<'_>, service: &Service) -> Option<Diagnostic> {
    let address = service.address.ip();
    let prefix = lan(keepalived, address)?;
    let mut beside = service.real_servers.iter().filter(|real| one_lan(address, real.address.ip(), prefix));
    let first = beside.next()?;
    let message = format!(
        "virtual server {} uses lb_kind NAT with real servers on its own LAN: with kernel IPVS (keepalived itself) they answer clients of this LAN directly and those connections hang",
        service.shown()
    );
    let help = "rkeep's user-space forwarder serves it right; for keepalived use lb_kind DR, or real servers behind the director";
    let finding = Diagnostic::warning("link::nat-on-one-lan", message).at(keepalived.span(service.span), "NAT");
    let finding = finding.also(keepalived.span(first.span), "on the same LAN").help(help);
    Some(beside.fold(finding, |finding, real| finding.also(keepalived.span(real.span), "on the same LAN")))
}

/// The prefix of the LAN of a virtual address that is moved by an instance; none for other addresses.
fn lan(keepalived: Side<'_>, address: IpAddr) -> Option<u8> {
    let mut virtual_ =
        keepalived.ir.routers.values().flat_map(|router| router.addresses.iter().chain(&router.excluded));
    let found: &VirtualAddress = virtual_.find(|virtual_| virtual_.address == address)?;
    let (whole, usual) = if address.is_ipv4() { (32, USUAL_LAN) } else { (128, USUAL_LAN_V6) };
    Some(if found.prefix < whole { found.prefix } else { usual })
}

fn one_lan(left: IpAddr, right: IpAddr, prefix: u8) -> bool {
    match (left, right) {
        (IpAddr::V4(left), IpAddr::V4(right)) => {
            let differ = u32::from(left) ^ u32::from(right);
            differ.leading_zeros() >= u32::from(prefix)
        }
        (IpAddr::V6(left), IpAddr::V6(right)) => {
            let differ = u128::from(left) ^ u128::from(right);
            differ.leading_zeros() >= u32::from(prefix)
        }
        _ => false,
    }
}
