//! Lets the kernel hand connections to a virtual server's address to a listener on a loopback port (nftables' tproxy).

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sys::nft::{Rule, Table, Tproxy};

/// Who is steered where. The kernel forgets all of it when this process ends, however it ends.
#[derive(Default)]
pub(super) struct Steering(Mutex<State>);

#[derive(Default)]
struct State {
    table: Option<Table>,
    ports: BTreeMap<SocketAddr, u16>,
}

/// Ends the steering of one address when dropped.
pub(super) struct Guard {
    steering: Arc<Steering>,
    service: SocketAddr,
}

impl Steering {
    /// Where a listener for `service` must be: the port is the kernel's choice.
    pub fn landing(&self, service: SocketAddr) -> SocketAddr {
        match service {
            SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST, 0).into(),
        }
    }

    /// From now on connections to `service` come to `port` of the loopback address.
    ///
    /// # Errors
    /// When the kernel has no nftables with tproxy, or does not let us.
    pub fn steer(self: Arc<Self>, service: SocketAddr, port: u16) -> io::Result<Guard> {
        self.change(|ports| ports.insert(service, port)).inspect_err(|_| self.forget(service))?;
        Ok(Guard { steering: self, service })
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<SocketAddr, u16>) -> Option<u16>) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { table, ports } = &mut *state;
        change(ports);
        let table = match table {
            Some(table) => table,
            None => table.insert(Table::open(&format!("rkeep-{}", std::process::id()))?),
        };
        let steer = |(service, port): (&SocketAddr, &u16)| Rule::Steer(Tproxy { service: *service, port: *port });
        let rules: Vec<Rule> = ports.iter().map(steer).collect();
        table.replace(&rules)
    }

    fn forget(&self, service: SocketAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ports.remove(&service);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // A rule that stays leads to a closed port: connections are refused, as without one.
        let _ = self.steering.change(|ports| ports.remove(&self.service));
    }
}
