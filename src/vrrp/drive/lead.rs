//! Routes and rules, and what is set as long as the process runs.

use rkeep_parsers::ir::route::{Paths, Route};
use rkeep_parsers::ir::vrrp::Fixed;
use tracing::{info, warn};

use super::Speaker;
use crate::vrrp::paths;

impl Speaker {
    /// Sets or removes an instance's routes and rules.
    pub(super) async fn lead(&self, place: usize, paths: &Paths, set: bool) {
        let Some(router) = self.router(place) else { return };
        let usual = self.links.named(router.bears()).map(|link| link.index);
        self.set_paths(&router.name, paths, usual, set).await;
    }

    async fn set_paths(&self, whose: &str, paths: &Paths, usual: Option<u32>, set: bool) {
        for route in &paths.routes {
            let outcome = match paths::route(route, self.out_of(route, usual)) {
                Ok(message) => self.netlink.route(message, set).await.map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            if let Err(why) = outcome {
                let to = route.to.as_deref().unwrap_or("default");
                warn!("({whose}) cannot {} route to {to}: {why}", word(set));
            }
        }
        for rule in &paths.rules {
            let outcome = match paths::rule(rule) {
                Ok(message) => self.netlink.rule(message, set).await.map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            if let Err(why) = outcome {
                warn!("({whose}) cannot {} rule: {why}", word(set));
            }
        }
    }

    /// The interface that a route leads out of. One with a gateway finds it by itself.
    fn out_of(&self, route: &Route, usual: Option<u32>) -> Option<u32> {
        match &route.device {
            Some(device) => self.links.named(device).map(|link| link.index),
            None if route.via.is_some() || !route.kind.is_empty() => None,
            None => usual,
        }
    }

    /// Sets what is set as long as the process runs, or what of it an earlier plan did not have; removes what is gone.
    pub(super) async fn fix(&mut self, new: Fixed) {
        let old = std::mem::take(&mut self.fixed);
        if old == new {
            self.fixed = new;
            return;
        }
        if old.paths != new.paths {
            self.set_paths("static", &old.paths, None, false).await;
        }
        for address in old.addresses.iter().filter(|address| !new.addresses.contains(address)) {
            self.set_fixed(address, false).await;
        }
        for address in new.addresses.iter().filter(|address| !old.addresses.contains(address)) {
            self.set_fixed(address, true).await;
        }
        if old.paths != new.paths {
            self.set_paths("static", &new.paths, None, true).await;
        }
        self.fixed = new;
    }

    async fn set_fixed(&self, address: &rkeep_parsers::ir::vrrp::VirtualAddress, set: bool) {
        let device = address.device.as_deref().unwrap_or_default();
        let Some(link) = self.links.named(device) else {
            info!("static address {} is not set: there is no interface {device}", address.address);
            return;
        };
        let outcome = match set {
            true => self.netlink.add(link.index, address).await,
            false => self.netlink.remove(link.index, address).await,
        };
        if let Err(error) = outcome {
            warn!("cannot {} static address {} on {device}: {error}", word(set), address.address);
        }
    }
}

fn word(set: bool) -> &'static str {
    if set { "set" } else { "remove" }
}
