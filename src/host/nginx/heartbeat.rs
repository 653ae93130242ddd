//! What a worker tells whoever moves the virtual addresses: what it serves, and again and again that it does.

use std::io;

use rkeep_parsers::ir::http::Address;

use super::config::Config;
use super::watcher::instance;
use crate::bus::lease::FromProxy;
use crate::bus::wire::Link;

/// The link to whoever watches.
#[derive(Debug)]
pub struct Heartbeat {
    link: Link,
}

impl Heartbeat {
    /// A heartbeat that goes over this link.
    pub fn new(link: Link) -> Self {
        Heartbeat { link }
    }

    /// Serves what a configuration names from now on.
    pub fn serves(&self, config: &Config) {
        let inet = |address: &Address| match address {
            Address::Inet(address) => Some(*address),
            Address::Unix(_) => None,
        };
        let addresses = config.plan.listeners.values().filter_map(|listener| inet(&listener.address)).collect();
        self.say(&FromProxy::Serves { instance: instance(&config.pid), addresses });
    }

    /// Lives. Whether somebody is there to hear it.
    pub fn beat(&self) -> bool {
        self.say(&FromProxy::Alive)
    }

    /// Is about to take up another configuration.
    pub fn pause(&self) {
        self.say(&FromProxy::Busy);
    }

    /// Ends as planned.
    pub fn leave(&self) {
        self.say(&FromProxy::Leaves);
    }

    /// One who does not listen now misses a beat; one who has gone is not there any more.
    fn say(&self, message: &FromProxy) -> bool {
        match self.link.send(message, &[]) {
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
            Ok(()) => true,
        }
    }
}
