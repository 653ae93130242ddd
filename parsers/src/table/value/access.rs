//! Who may come in.

use std::net::IpAddr;

use super::{Arity, Cx, Fault, Value, parse_number};
use crate::syntax::tree::Directive;

/// One `allow` or `deny`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRule {
    /// `allow`
    pub allow: bool,
    /// Whom.
    pub whom: Whom,
}

/// Whom an access rule is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Whom {
    /// Everybody.
    #[default]
    All,
    /// Clients on a unix socket.
    Unix,
    /// Addresses of a network, with its prefix length.
    Network(IpAddr, u8),
}

impl Value for AccessRule {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "address | CIDR | unix: | all";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        let whom = match word.text.as_slice() {
            b"all" => Whom::All,
            b"unix:" => Whom::Unix,
            _ => {
                let text = word.lossy();
                let network = parse_network(&text);
                let refused = || Fault::new(format!("invalid parameter \"{text}\"")).at(word.span);
                let (network, exact) = network.ok_or_else(|| refused().help("write an address such as 10.0.0.0/8"))?;
                if !exact {
                    let text = format!("low address bits of {text} are meaningless");
                    cx.warn(directive, "nginx::low-address-bits", text, word.span);
                }
                network
            }
        };
        Ok(AccessRule { allow: directive.name.is("allow"), whom })
    }
}

/// `address` or `address/bits` (or `/mask` for IPv4), and whether the bits beyond are zero.
pub(crate) fn parse_network(text: &str) -> Option<(Whom, bool)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let width: u32 = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => width,
        Some(bits) => parse_number(bits.as_bytes()).and_then(|bits| u32::try_from(bits).ok())?,
    };
    let host_bits = width.checked_sub(bits)?;
    let (number, mask) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), u128::from(u32::MAX)),
        IpAddr::V6(address) => (address.to_bits(), u128::MAX),
    };
    let network = number & mask & u128::MAX.checked_shl(host_bits).unwrap_or(0);
    let base = match address {
        IpAddr::V4(_) => IpAddr::from((network as u32).to_be_bytes()),
        IpAddr::V6(_) => IpAddr::from(network.to_be_bytes()),
    };
    Some((Whom::Network(base, bits as u8), network == number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let network = |text: &str, bits| Whom::Network(text.parse().expect("an address"), bits);
        assert_eq!(parse_network("10.1.0.0/16"), Some((network("10.1.0.0", 16), true)));
        assert_eq!(parse_network("10.1.2.3/16"), Some((network("10.1.0.0", 16), false)));
        assert_eq!(parse_network("0.0.0.0/0"), Some((network("0.0.0.0", 0), true)));
        assert_eq!(parse_network("::1"), Some((network("::1", 128), true)));
        assert_eq!(parse_network("2001:db8::/32"), Some((network("2001:db8::", 32), true)));
        assert_eq!(parse_network("10.0.0.0/33"), None);
        assert_eq!(parse_network("host"), None);
    }
}
