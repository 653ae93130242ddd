//! `no_accept`: packets to the addresses of a master that does not own them are dropped, by an nftables table that the
//! kernel forgets with this process.

use std::collections::BTreeSet;
use std::net::IpAddr;

use tracing::warn;

use super::Speaker;
use crate::bus::Verdict;
use crate::sys::nft::{Rule, Table};

/// What is refused.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    table: Option<Table>,
    addresses: BTreeSet<IpAddr>,
}

impl Speaker {
    /// Brings the table up to date with who is master.
    pub(super) fn refuse(&mut self) {
        let machines = self.instances.iter().map(|instance| &instance.machine);
        let refusing = machines
            .filter(|machine| machine.verdict() == Some(Verdict::Master) && machine.router().refuses())
            .flat_map(|machine| machine.addresses().iter().map(|address| address.address));
        let wanted: BTreeSet<IpAddr> = refusing.collect();
        if wanted == self.refusals.addresses {
            return;
        }
        let rules: Vec<Rule> = wanted.iter().map(|address| Rule::Refuse(*address)).collect();
        if let Err(error) = self.refusals.replace(&rules) {
            warn!("no_accept: packets to the addresses are taken: nftables: {error}");
        }
        self.refusals.addresses = wanted;
    }
}

impl Refusals {
    fn replace(&mut self, rules: &[Rule]) -> std::io::Result<()> {
        let table = match &mut self.table {
            Some(table) => table,
            None => self.table.insert(Table::open(&format!("rkeep-{}", std::process::id()))?),
        };
        table.replace(rules)
    }
}
