//! A configuration as the parent reads it: what it needs of it, and the very bytes for its children.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rkeep_parsers::ir::Ir;
use rkeep_parsers::ir::vrrp::Router;
use rkeep_parsers::keepalived::Global;
use rkeep_parsers::keepalived::global::Place;
use rkeep_parsers::lower::keepalived::{Mode, Pass, legacy_lines};
use tracing::{debug, error, info};

use super::CHILD_WAIT;
use crate::bus::Role;
use crate::host::keepalived::start::{PARENT, log_lines};
use crate::host::keepalived::{Wish, config};

/// A configuration that the parent has accepted.
#[derive(Debug)]
pub struct Config {
    pub(super) bundle: Arc<OwnedFd>,
    pub(super) roles: Vec<Role>,
    pub(super) global: Global,
    pub(super) routers: Vec<Router>,
}

impl Config {
    /// Where it works.
    pub fn place(&self) -> &Place {
        &self.global.place
    }

    /// How long children may take to end.
    pub(super) fn child_wait(&self) -> Duration {
        self.place().child_wait.map_or(CHILD_WAIT, |seconds| Duration::from_secs(seconds.into()))
    }

    /// Reads the files and logs what the parent has to say about them.
    ///
    /// # Errors
    /// The exit code that keepalived would end with.
    pub fn read(wish: &Wish) -> Result<Self, u8> {
        debug!("Opening file '{}'.", wish.pattern.display());
        let (loaded, bundle) = config::read_disk(&wish.pattern, &wish.config_id, PARENT);
        log_lines(&loaded);
        if bundle.files().next().is_none() {
            return Err(6);
        }
        info!("Configuration file {}", wish.pattern.display());
        let Some(ir) = loaded.ir else { return Err(2) };
        let bundle = bundle.seal().map_err(|cause| {
            error!("cannot keep the configuration in memory: {cause}");
            1
        })?;
        let roles = roles(wish, &ir);
        let routers = ir.routers.values().cloned().collect();
        Ok(Config { bundle: Arc::new(bundle), roles, global: ir.global.unwrap_or_default(), routers })
    }

    /// Reads the files for a reload, refusing what a child would end by.
    ///
    /// # Errors
    /// What is wrong, as the log has it.
    pub(super) fn reread(wish: &Wish) -> Result<Self, String> {
        for pass in [Pass::Vrrp, Pass::Checkers] {
            let (loaded, _) = config::read_disk(&wish.pattern, &wish.config_id, Mode::Run(pass));
            if loaded.ir.is_none() {
                log_lines(&loaded);
                return Err(legacy_lines(&loaded.diagnostics).collect::<Vec<_>>().join("\n"));
            }
        }
        Config::read(wish).map_err(|_| format!("{} cannot be read", wish.pattern.display()))
    }
}

/// The children that a configuration needs.
fn roles(wish: &Wish, ir: &Ir) -> Vec<Role> {
    let neither = !wish.vrrp_only && !wish.check_only;
    let mut roles = Vec::new();
    if (neither || wish.check_only) && (wish.all || !ir.services.is_empty()) {
        roles.push(Role::Checkers);
    }
    // The VRRP process holds the sessions that checks ask for.
    let speaks = !ir.routers.is_empty() || (!ir.services.is_empty() && !ir.trackers.sessions.is_empty());
    if (neither || wish.vrrp_only) && (wish.all || speaks) {
        roles.push(Role::Vrrp);
    }
    if !roles.is_empty() {
        roles.push(Role::Agent);
    }
    roles
}
