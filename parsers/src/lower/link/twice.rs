//! A virtual address that several instances of one box have: each moves it as if it were its own.

use super::Side;
use crate::diag::Diagnostic;
use crate::ir::vrrp::{Router, VirtualAddress};

/// Each address that stands in two instances.
pub(super) fn findings(own: Side<'_>) -> Vec<Diagnostic> {
    let routers: Vec<&Router> = own.ir.routers.values().collect();
    let mut found = Vec::new();
    for (place, router) in routers.iter().enumerate() {
        for other in routers.iter().skip(place + 1) {
            found.extend(all(other).filter_map(|second| {
                let first = all(router).find(|first| first.address == second.address)?;
                Some(finding(own, (router, first), (other, second)))
            }));
        }
    }
    found
}

fn all(router: &Router) -> impl Iterator<Item = &VirtualAddress> {
    router.addresses.iter().chain(&router.excluded)
}

fn finding(own: Side<'_>, first: (&Router, &VirtualAddress), second: (&Router, &VirtualAddress)) -> Diagnostic {
    let what = format!(
        "{} is an address of {} and of {}: when one of them gives it up, the other loses it",
        first.1.address, first.0.name, second.0.name
    );
    let finding = Diagnostic::error("link::address-twice", what).at(own.span(second.1.span), "again here");
    finding.also(own.span(first.1.span), "first here").help("write it in one instance")
}
