//! Virtual servers that rkeep would not serve as written: it would say so in its log, too late for whoever checks first.

use super::Side;
use crate::diag::Diagnostic;
use crate::ir::service::{Service, loops};

/// Findings about single virtual servers and about those that lead to each other.
pub(super) fn findings(keepalived: Side<'_>) -> Vec<Diagnostic> {
    let services = || keepalived.ir.services.values();
    let unserved = services().filter_map(|service| unserved(keepalived, service));
    let looped = loops(services()).into_iter().filter_map(|(address, server)| {
        let service = services().find(|service| service.address == address)?;
        let real = service.real_servers.iter().find(|real| real.address == server);
        let span = keepalived.span(real.map_or(service.span, |real| real.span));
        let message = format!("real server {server} of virtual server {} leads back to it", service.shown());
        let finding = Diagnostic::error("link::service-loop", message).at(span, "is a virtual server itself");
        Some(finding.help("rkeep does not use this real server; name one that answers by itself"))
    });
    unserved.chain(looped).collect()
}

fn unserved(keepalived: Side<'_>, service: &Service) -> Option<Diagnostic> {
    let why = service.needs_ipvs()?;
    let message = format!("virtual server {} is not served: {why}", service.shown());
    let finding = Diagnostic::error("link::needs-ipvs", message).at(keepalived.span(service.span), "not served");
    Some(finding.help("rkeep forwards virtual servers itself and does not drive the kernel's IPVS"))
}
