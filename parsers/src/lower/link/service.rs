//! Virtual servers that rkeep would not serve as written: it would say so in its log, too late for whoever checks first.

use super::Side;
use crate::diag::Diagnostic;
use crate::ir::service::Service;

/// One finding for each virtual server that needs the kernel's IPVS.
pub(super) fn findings(keepalived: Side<'_>) -> Vec<Diagnostic> {
    keepalived.ir.services.values().filter_map(|service| finding(keepalived, service)).collect()
}

fn finding(keepalived: Side<'_>, service: &Service) -> Option<Diagnostic> {
    let why = service.needs_ipvs()?;
    let message = format!("virtual server {} is not served: {why}", service.shown());
    let finding = Diagnostic::error("link::needs-ipvs", message).at(keepalived.span(service.span), "not served");
    Some(finding.help("rkeep forwards virtual servers itself and does not drive the kernel's IPVS"))
}
