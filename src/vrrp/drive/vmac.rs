//! `use_vmac` and `use_vmac_addr`: interfaces that carry a virtual router's MAC address, made before it speaks and removed with it.

use std::fs;

use rkeep_parsers::ir::vrrp::{Router, Vmac};
use tracing::{info, warn};

use super::Speaker;
use crate::vrrp::wire::arp::Mac;

impl Speaker {
    /// Makes those that the plan's instances need and that are not there.
    pub(super) async fn make_vmacs(&mut self) {
        for Wanted { router, vmac, base: under, ipv6 } in self.vmacs() {
            if self.links.named(&vmac.name).is_some() {
                self.own_vmacs.insert(vmac.name.clone());
                continue;
            }
            let Some(base) = self.links.named(&under).map(|link| link.index) else { continue };
            let mac = vmac.mac.unwrap_or_else(|| virtual_mac(router.vrid, ipv6));
            match self.netlink.add_macvlan(&vmac.name, base, mac).await {
                Ok(()) => {
                    info!("({}): Success creating VMAC interface {}", router.name, vmac.name);
                    quiet(&under, &vmac.name);
                    self.own_vmacs.insert(vmac.name.clone());
                }
                Err(error) => warn!("({}): Error creating VMAC interface {}: {error}", router.name, vmac.name),
            }
        }
        self.know_links().await;
    }

    /// Removes those that no instance needs any more.
    pub(super) async fn remove_vmacs(&mut self, all: bool) {
        let needed: Vec<String> = self.vmacs().into_iter().map(|wanted| wanted.vmac.name).collect();
        let gone: Vec<String> = self.own_vmacs.iter().filter(|name| all || !needed.contains(name)).cloned().collect();
        for name in gone {
            self.own_vmacs.remove(&name);
            let Some(index) = self.links.named(&name).map(|link| link.index) else { continue };
            if let Err(error) = self.netlink.remove_link(index).await {
                warn!("Error removing VMAC interface {name}: {error}");
            }
        }
    }

    fn vmacs(&self) -> Vec<Wanted> {
        let of = |router: &Router| router.vmacs().map(|wanted| Wanted::new(router, wanted)).collect::<Vec<_>>();
        self.routers().flat_map(of).collect()
    }

    /// What has been made is known before anything speaks by it.
    async fn know_links(&mut self) {
        if self.own_vmacs.is_empty() {
            return;
        }
        match self.netlink.snapshot().await {
            Ok(changes) => changes.into_iter().for_each(|change| drop(self.links.apply(change))),
            Err(error) => warn!("Netlink: cannot read interfaces: {error}"),
        }
    }
}

/// An interface that an instance needs.
struct Wanted {
    router: Router,
    vmac: Vmac,
    base: String,
    ipv6: bool,
}

impl Wanted {
    fn new(router: &Router, (vmac, base, ipv6): (&Vmac, &str, bool)) -> Self {
        Wanted { router: router.clone(), vmac: vmac.clone(), base: base.to_owned(), ipv6 }
    }
}

/// The virtual router's MAC address (RFC 5798, 7.3).
fn virtual_mac(vrid: u8, ipv6: bool) -> Mac {
    [0, 0, 0x5e, 0, if ipv6 { 2 } else { 1 }, vrid]
}

/// Each of both interfaces answers ARP for its own addresses alone, and takes what comes by the other.
fn quiet(base: &str, vmac: &str) {
    let set = |interface: &str, name: &str, value: &str| {
        let path = format!("/proc/sys/net/ipv4/conf/{interface}/{name}");
        if let Err(error) = fs::write(&path, value) {
            warn!("cannot write {path}: {error}");
        }
    };
    set(base, "arp_ignore", "1");
    set(base, "arp_filter", "1");
    set(vmac, "arp_ignore", "1");
    set(vmac, "rp_filter", "0");
    // Other kernels than those with IPv6 have none of these.
    let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{vmac}/autoconf"), "0");
    let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{vmac}/accept_ra"), "0");
}
