//! `allow` and `deny`.

use std::net::IpAddr;

use rkeep_parsers::table::value::Whom;

use super::gate::Verdict;
use crate::proxy::request::{RequestCtx, Status};

/// Lets a request pass or refuses it with 403.
pub fn check(cx: &RequestCtx) -> Verdict {
    if cx.conf().access.rules.is_empty() {
        return Verdict::Silent;
    }
    let client = cx.client_ip().map(|ip| ip.to_canonical());
    let rule = cx.conf().access.rules.iter().find(|rule| is_whom(&rule.whom, client));
    match rule.map(|rule| rule.allow) {
        None => Verdict::Silent,
        Some(true) => Verdict::Pass,
        Some(false) => Verdict::Refuse(Status(403)),
    }
}

/// Whether a client is meant; one without an address is on a unix socket.
pub fn is_whom(whom: &Whom, client: Option<IpAddr>) -> bool {
    match (whom, client) {
        (Whom::All, _) => true,
        (Whom::Unix, client) => client.is_none(),
        (Whom::Network(network, prefix), Some(client)) => in_network(client, *network, *prefix),
        (Whom::Network(..), None) => false,
    }
}

/// Whether an address is within a network.
pub fn in_network(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix.min(32))).unwrap_or(0);
            (u32::from(address) ^ u32::from(network)) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix.min(128))).unwrap_or(0);
            (u128::from(address) ^ u128::from(network)) & mask == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert!(in_network(ip("10.1.2.3"), ip("10.0.0.0"), 8));
        assert!(!in_network(ip("11.1.2.3"), ip("10.0.0.0"), 8));
        assert!(in_network(ip("1.2.3.4"), ip("0.0.0.0"), 0));
        assert!(in_network(ip("1.2.3.4"), ip("1.2.3.4"), 32));
        assert!(!in_network(ip("1.2.3.5"), ip("1.2.3.4"), 32));
        assert!(in_network(ip("2001:db8::1"), ip("2001:db8::"), 32));
        assert!(!in_network(ip("::1"), ip("0.0.0.0"), 0));
    }
}
