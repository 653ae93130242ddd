//! `use_vmac_addr`: addresses on other interfaces than the instance's are on interfaces with the virtual router's MAC
//! address there, too; one for each interface and family.

use crate::ir::vrrp::{Carrier, Router, VirtualAddress, Vmac};

/// Puts each address of an instance where it belongs. With `prefix` carriers are made, whose names begin with it and are
/// none of `taken`.
pub(super) fn settle(router: &mut Router, prefix: Option<&str>, taken: &[String]) {
    let own = Own { interface: router.interface.clone(), ipv6: router.is_ipv6(), vmac: router.speech.vmac.clone() };
    let mut carriers = Carriers { prefix, taken, vrid: router.vrid, made: Vec::new() };
    for address in router.addresses.iter_mut().chain(&mut router.excluded) {
        own.take(address);
        if address.device.as_ref().is_some_and(|device| own.vmac.is_some() || *device != own.interface) {
            carriers.take(address, &own);
        }
    }
    router.speech.carriers = carriers.made;
}

/// What an instance is on.
struct Own {
    interface: String,
    ipv6: bool,
    vmac: Option<Vmac>,
}

impl Own {
    /// An address that names the instance's interface is on the VMAC that stands for it.
    fn take(&self, address: &mut VirtualAddress) {
        let same_family = address.address.is_ipv6() == self.ipv6;
        if self.vmac.is_some() && same_family && address.device.as_ref() == Some(&self.interface) {
            address.device = None;
        }
    }
}

struct Carriers<'a> {
    prefix: Option<&'a str>,
    taken: &'a [String],
    vrid: u8,
    made: Vec<Carrier>,
}

impl Carriers<'_> {
    fn take(&mut self, address: &mut VirtualAddress, own: &Own) {
        let (Some(prefix), Some(base)) = (self.prefix, address.device.clone()) else { return };
        let ipv6 = address.address.is_ipv6();
        let there = self.made.iter().find(|carrier| carrier.base == base && carrier.ipv6 == ipv6);
        let name = match there {
            Some(carrier) => carrier.vmac.name.clone(),
            None => {
                let name = self.free_name(prefix, ipv6, own);
                let mac = own.vmac.as_ref().and_then(|vmac| vmac.mac);
                self.made.push(Carrier { vmac: Vmac { name: name.clone(), mac }, base, ipv6 });
                name
            }
        };
        address.device = Some(name);
    }

    /// `vrrp.51`, else `vrrp1.51`, `vrrp2.51` …; of IPv6 `vrrp6.51` first.
    fn free_name(&self, prefix: &str, ipv6: bool, own: &Own) -> String {
        let is_free = |name: &String| {
            let mine = own.vmac.iter().chain(self.made.iter().map(|carrier| &carrier.vmac));
            !self.taken.contains(name) && !mine.into_iter().any(|vmac| vmac.name == *name)
        };
        let first = if ipv6 { "6" } else { "" }.to_owned();
        let numbers = std::iter::once(first).chain((1..=u16::MAX).map(|number| number.to_string()));
        let mut names = numbers.map(|number| format!("{prefix}{number}.{}", self.vrid));
        names.find(is_free).unwrap_or_default()
    }
}
