//! Taking a plan up, at the start and in place of another.

use std::time::SystemTime;

use rkeep_parsers::ir::vrrp::{NotifyScripts, Router, VirtualAddress};
use rkeep_parsers::source::Span;
use tracing::warn;

use super::{Instance, Speaker};
use crate::plan::VrrpPlan;
use crate::vrrp::group::Group;
use crate::vrrp::machine::{Machine, io};

impl Speaker {
    /// Makes machines of a plan's instances, none of which runs yet.
    pub(super) fn adopt(&mut self, plan: VrrpPlan) {
        self.instances = plan.routers.values().map(|router| Instance::new(essence(router))).collect();
        self.trackers.adopt(&plan.trackers, false);
        self.know(plan);
    }

    /// Takes up another plan: instances that are in both live on, changed where they differ.
    pub(super) async fn reload(&mut self, plan: VrrpPlan) {
        self.retire(&plan).await;
        let mut old = std::mem::take(&mut self.instances);
        let mut changes = Vec::new();
        self.trackers.adopt(&plan.trackers, true);
        for (place, router) in plan.routers.values().map(essence).enumerate() {
            match old.iter().position(|instance| is_same(instance.machine.router(), &router)) {
                Some(at) => {
                    self.instances.push(old.swap_remove(at));
                    changes.push((place, io::Input::Reconfigure(Box::new(router))));
                }
                None => self.instances.push(Instance::new(router)),
            }
        }
        self.know(plan);
        self.make_vmacs().await;
        self.remove_vmacs(false).await;
        self.fix(self.plan.fixed.clone()).await;
        if let Err(error) = self.open_sockets() {
            warn!("cannot open a raw socket: {error}");
        }
        self.sessions.adopt(&self.plan.trackers.sessions);
        self.tell_sessions();
        self.promote(false);
        // An old machine must know its configuration before it is judged; new ones begin when they are.
        for (place, input) in changes {
            self.tell(place, input).await;
        }
        self.judge().await;
        self.refuse();
    }

    /// Instances that the new plan does not have say good-bye, on the sockets they have yet.
    async fn retire(&mut self, plan: &VrrpPlan) {
        for place in 0..self.instances.len() {
            let stays = |router: &Router| plan.routers.values().any(|other| is_same(router, other));
            if !self.router(place).is_some_and(stays) {
                self.tell(place, io::Input::Stop { deleted: true }).await;
            }
        }
    }

    /// What follows from a plan besides its machines.
    fn know(&mut self, plan: VrrpPlan) {
        let all = plan.routers.values().flat_map(|router| router.addresses.iter().chain(&router.excluded));
        self.virtual_addresses = all.map(|address| address.address).collect();
        let old = std::mem::take(&mut self.groups);
        self.groups = plan
            .groups
            .values()
            .map(|group| {
                let members: Vec<usize> = group.members.iter().map(|member| member.index()).collect();
                let known = old.iter().find(|known| known.name == group.name && known.members == members);
                known.cloned().unwrap_or_else(|| Group::new(group.name.clone(), members))
            })
            .collect();
        self.plan = plan;
    }
}

impl Instance {
    fn new(router: Router) -> Self {
        Instance {
            machine: Machine::new(router),
            since: SystemTime::now(),
            begun: false,
            waited: false,
            sequence: 0,
            stamp: Default::default(),
            marks: Default::default(),
            conflict: Default::default(),
            heard_at: None,
            suspect: None,
            asked: false,
            complaints: Default::default(),
        }
    }
}

/// Whether two configurations are of one instance: keepalived's own rule.
fn is_same(one: &Router, other: &Router) -> bool {
    (&one.name, one.vrid, &one.interface) == (&other.name, other.vrid, &other.interface)
}

/// An instance as its machine knows it: places in the file, mail and scripts are not its business, so that a reload that
/// only moves lines changes nothing.
fn essence(router: &Router) -> Router {
    let bare = |address: &VirtualAddress| VirtualAddress { span: Span::NONE, ..address.clone() };
    Router {
        addresses: router.addresses.iter().map(bare).collect(),
        excluded: router.excluded.iter().map(bare).collect(),
        notify: NotifyScripts::default(),
        smtp_alert: false,
        span: Span::NONE,
        ..router.clone()
    }
}
