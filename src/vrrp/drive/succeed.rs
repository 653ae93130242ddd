//! Taking the place of a keepalived that runs: its VRRP process is ended so that it says no good-bye and removes nothing,
//! and what it was master of is taken up before a peer misses an advert.

use std::io;
use std::time::Duration;

use rkeep_parsers::ir::vrrp::Router;
use tracing::{info, warn};

use super::Speaker;
use crate::bus::Exit;
use crate::plan::Predecessor;
use crate::sys::process;

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_secs(2);

impl Speaker {
    /// Ends the keepalived before this one, if there is one, and notes what it was master of.
    ///
    /// # Errors
    /// When it cannot be ended; then it runs on.
    pub(super) async fn succeed(&mut self) -> Result<(), Exit> {
        let Some(old) = self.plan.legacy.predecessor.take() else { return Ok(()) };
        end(old).map_err(|error| Exit::Fatal(format!("cannot end keepalived, pid {}: {error}", old.parent)))?;
        let mut masters = Vec::new();
        for place in 0..self.instances.len() {
            if self.is_set(place).await {
                masters.extend(self.router(place).map(|router| router.name.clone()));
            }
        }
        info!("Taking over from keepalived, pid {}, master of: {}", old.parent, masters.join(" "));
        self.plan.legacy.take_up = masters;
        Ok(())
    }

    /// Whether all addresses of an instance are set, as its master has them.
    async fn is_set(&self, place: usize) -> bool {
        let Some(router) = self.router(place) else { return false };
        for address in all(router) {
            let Some((_, index)) = self.device(place, address) else { return false };
            if !matches!(self.netlink.has(index, address).await, Ok(true)) {
                return false;
            }
        }
        all(router).next().is_some()
    }
}

fn all(router: &Router) -> impl Iterator<Item = &rkeep_parsers::ir::vrrp::VirtualAddress> {
    router.addresses.iter().chain(&router.excluded)
}

/// The parent is halted first: it would start another VRRP process, which removes the addresses. Killed in the end, it
/// lets its other children stop in their own way.
fn end(old: Predecessor) -> io::Result<()> {
    process::signal(old.parent, libc::SIGSTOP)?;
    if let Err(error) = process::kill_and_wait(old.speaker, PATIENCE) {
        if let Err(error) = process::signal(old.parent, libc::SIGCONT) {
            warn!("keepalived, pid {}, stays halted: {error}", old.parent);
        }
        return Err(error);
    }
    process::signal(old.parent, libc::SIGKILL)
}
