//! The balancing engine: keeps what is served equal to what the plan and the facts ask for.

use std::time::Duration;

use rkeep_parsers::ir::service::loops;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::{info, warn};

use super::forward::Forwarder;
use super::table::{self, Known, Table};
use crate::bus::{Exit, Fact, Input};
use crate::plan::CheckPlan;

/// Serves virtual servers until told to stop. Facts about real servers and quorums come as [`Input::Fact`].
pub async fn run(plan: CheckPlan, mut input: mpsc::Receiver<Input<CheckPlan>>) -> Exit {
    let (known, is, forwarder) = Default::default();
    let mut engine = Engine { plan, known, is, forwarder, explained: false };
    let mut followed = false;
    engine.explain();
    engine.update();
    while let Some(message) = input.recv().await {
        match message {
            Input::Fact(fact) => engine.take(&fact),
            Input::Reload(plan) => {
                engine.plan = plan;
                engine.explain();
                engine.update();
            }
            Input::Hold(hold) => followed = hold,
            Input::Dump | Input::Json | Input::Stats { .. } => {}
            Input::Stop => break,
        }
    }
    if followed {
        finish(&mut engine.forwarder, &mut input).await;
    }
    Exit::Done
}

/// For so long what comes is served beside another keepalived that starts: it may not be ready yet.
const OVERLAP: Duration = Duration::from_secs(3);

/// Another keepalived serves what comes soon: connections that are open go on to their own end, or until told again to stop.
async fn finish(forwarder: &mut Forwarder, input: &mut mpsc::Receiver<Input<CheckPlan>>) {
    let stopped = async {
        while let Some(message) = input.recv().await {
            if matches!(message, Input::Stop) {
                return;
            }
        }
    };
    tokio::select! {
        () = async {
            sleep(OVERLAP).await;
            forwarder.finish().await;
        } => {}
        () = stopped => {}
    }
}

struct Engine {
    plan: CheckPlan,
    known: Known,
    is: Table,
    forwarder: Forwarder,
    /// Whether it has been said how virtual servers are served.
    explained: bool,
}

impl Engine {
    fn take(&mut self, fact: &Fact) {
        if self.known.take(fact) {
            self.update();
        }
    }

    fn update(&mut self) {
        let want = table::wanted(self.plan.services.values(), &self.known);
        for change in table::diff(&self.is, &want) {
            self.forwarder.apply(change);
        }
        self.is = want;
    }

    /// Says what an operator must know about serving without IPVS.
    fn explain(&mut self) {
        let services = || self.plan.services.values();
        for service in services() {
            if let Some(why) = service.needs_ipvs() {
                warn!("Virtual server {} is not served: {why}", service.shown());
            }
        }
        for (service, server) in loops(services()) {
            warn!("Real server {server} of virtual server {service} is not used: it leads back to {service}");
        }
        let serves = services().any(|service| service.needs_ipvs().is_none());
        if serves && !std::mem::replace(&mut self.explained, true) {
            info!("Virtual servers are forwarded in user space; real servers see this box's address as the client's");
        }
    }
}
