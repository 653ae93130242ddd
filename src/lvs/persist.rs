//! `persistence_timeout`: one client address stays with one real server. Pure: the clock is an argument.
//!
//! As in IPVS a client's template lives while it has connections, and the timeout beyond the last of them.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// So many clients are remembered at most; more are balanced without memory.
const MOST: usize = 1 << 20;

/// Who belongs where.
#[derive(Clone, Debug)]
pub struct Templates {
    timeout: Duration,
    prefix: Option<u8>,
    clients: HashMap<IpAddr, Template>,
    /// When the expired are next thrown out.
    sweep: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Template {
    destination: SocketAddr,
    connections: u32,
    expires: Instant,
}

impl Template {
    fn is_alive(&self, now: Instant) -> bool {
        self.connections > 0 || self.expires > now
    }
}

impl Templates {
    /// No client yet. `prefix` is `persistence_granularity`: clients of one such network count as one.
    pub fn new(timeout: Duration, prefix: Option<u8>) -> Self {
        Templates { timeout, prefix, clients: HashMap::new(), sweep: None }
    }

    /// Takes another timeout and granularity; clients that are known keep their place.
    pub fn reconfigure(&mut self, timeout: Duration, prefix: Option<u8>) {
        self.timeout = timeout;
        self.prefix = prefix;
    }

    /// Where `client` belongs.
    pub fn get(&self, client: IpAddr, now: Instant) -> Option<SocketAddr> {
        let template = self.clients.get(&self.network(client))?;
        template.is_alive(now).then_some(template.destination)
    }

    /// A connection of `client` to `destination` begins: there it belongs from now on.
    pub fn opened(&mut self, client: IpAddr, destination: SocketAddr, now: Instant) {
        self.forget_expired(now);
        let expires = now + self.timeout;
        let client = self.network(client);
        let full = self.clients.len() >= MOST;
        match self.clients.get_mut(&client) {
            Some(template) if template.destination == destination => {
                template.connections += 1;
                template.expires = expires;
            }
            Some(template) => *template = Template { destination, connections: 1, expires },
            None if full => {}
            None => {
                self.clients.insert(client, Template { destination, connections: 1, expires });
            }
        }
    }

    /// A connection of `client` to `destination` has ended.
    pub fn closed(&mut self, client: IpAddr, destination: SocketAddr, now: Instant) {
        let client = self.network(client);
        if let Some(template) = self.clients.get_mut(&client).filter(|template| template.destination == destination) {
            template.connections = template.connections.saturating_sub(1);
            template.expires = now + self.timeout;
        }
    }

    /// A real server is gone: its clients are free.
    pub fn forget(&mut self, destination: SocketAddr) {
        self.clients.retain(|_, template| template.destination != destination);
    }

    /// Throws the expired out, once a timeout.
    fn forget_expired(&mut self, now: Instant) {
        if self.sweep.is_some_and(|sweep| sweep > now) {
            return;
        }
        self.clients.retain(|_, template| template.is_alive(now));
        self.sweep = Some(now + self.timeout);
    }

    fn network(&self, client: IpAddr) -> IpAddr {
        let Some(prefix) = self.prefix.map(u32::from) else { return client };
        match client {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32u32.saturating_sub(prefix)).unwrap_or(0);
                IpAddr::V4((u32::from(address) & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128u32.saturating_sub(prefix)).unwrap_or(0);
                IpAddr::V6((u128::from(address) & mask).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn server(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 168, 3, n], 80))
    }

    #[test]
    fn a_client_stays_until_the_timeout_after_its_last_connection() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut templates = Templates::new(Duration::from_secs(50), None);
        templates.opened(CLIENT, server(1), at(0));
        templates.opened(CLIENT, server(1), at(1));
        templates.closed(CLIENT, server(1), at(2));
        assert_eq!(templates.get(CLIENT, at(500)), Some(server(1)), "one connection is open");
        templates.closed(CLIENT, server(1), at(500));
        assert_eq!(templates.get(CLIENT, at(549)), Some(server(1)));
        assert_eq!(templates.get(CLIENT, at(550)), None);
        templates.opened(IpAddr::from([10, 0, 0, 2]), server(2), at(551));
        assert_eq!(templates.clients.len(), 1, "the expired are thrown out");
    }

    #[test]
    fn a_real_server_that_is_gone_frees_its_clients() {
        let now = Instant::now();
        let mut templates = Templates::new(Duration::from_secs(50), None);
        templates.opened(CLIENT, server(1), now);
        templates.forget(server(1));
        assert_eq!(templates.get(CLIENT, now), None);
        templates.opened(CLIENT, server(2), now);
        templates.closed(CLIENT, server(1), now);
        assert_eq!(templates.get(CLIENT, now + Duration::from_secs(60)), Some(server(2)), "still connected there");
    }

    #[test]
    fn granularity_makes_one_client_of_a_network() {
        let now = Instant::now();
        let mut templates = Templates::new(Duration::from_secs(50), Some(24));
        templates.opened(CLIENT, server(1), now);
        assert_eq!(templates.get(IpAddr::from([10, 0, 0, 200]), now), Some(server(1)));
        assert_eq!(templates.get(IpAddr::from([10, 0, 1, 1]), now), None);
        assert_eq!(Templates::new(Duration::ZERO, Some(0)).network(CLIENT), IpAddr::from([0, 0, 0, 0]));
    }
}
