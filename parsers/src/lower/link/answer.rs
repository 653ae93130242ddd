//! A virtual address that nothing answers on.

use super::{Side, listens};
use crate::diag::Diagnostic;

/// One finding for each address that neither a listener nor a virtual server takes connections to.
pub(super) fn findings(nginx: Side<'_>, keepalived: Side<'_>) -> Vec<Diagnostic> {
    let addresses = keepalived
        .ir
        .routers
        .values()
        .flat_map(|router| router.addresses.iter().chain(&router.excluded).map(move |address| (router, address)));
    let unanswered = addresses.filter(|(_, virtual_)| {
        let by_listener = nginx.ir.listeners.values().any(|listener| listens(listener, virtual_.address));
        let by_service = keepalived.ir.services.values().any(|service| service.address.ip() == virtual_.address);
        !by_listener && !by_service
    });
    let finding = |(router, virtual_): (&crate::ir::vrrp::Router, &crate::ir::vrrp::VirtualAddress)| {
        let address = virtual_.address;
        let message = format!("nothing answers on the virtual address {address} of {}", router.name);
        let help =
            format!("add `listen {}:80;` to a server in nginx.conf, or a virtual_server {address}", host(address));
        Diagnostic::warning("link::vip-unanswered", message)
            .at(keepalived.span(virtual_.span), "no one listens here")
            .help(help)
    };
    unanswered.map(finding).collect()
}

fn host(address: std::net::IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}
