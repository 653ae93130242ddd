//! Values of the realip module.

use std::net::IpAddr;

use super::access::parse_network;
use super::{Arity, Cx, Fault, Value, Whom};
use crate::syntax::tree::Directive;

/// `set_real_ip_from`, `debug_connection`: all of a level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted(pub Vec<Whom>);

/// `real_ip_header`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RealIpHeader {
    /// `X-Real-IP`: one address.
    #[default]
    XRealIp,
    /// `X-Forwarded-For`: a list.
    XForwardedFor,
    /// `proxy_protocol`: what the PROXY protocol says.
    ProxyProtocol,
    /// Another field, with one address.
    Field(String),
}

impl Value for Trusted {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "address | CIDR | unix: | name";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = directive.arg(0);
        if word.is("unix:") {
            return Ok(Trusted(vec![Whom::Unix]));
        }
        let text = word.lossy();
        if let Some((network, exact)) = parse_network(&text) {
            if !exact {
                let text = format!("low address bits of {text} are meaningless");
                cx.warn(directive, "nginx::low-address-bits", text, word.span);
            }
            return Ok(Trusted(vec![network]));
        }
        let missing = || {
            let fault = Fault::new(format!("host not found in {} \"{text}\"", directive.name.lossy())).at(word.span);
            fault.help("write an address such as 10.0.0.0/8, unix:, or a name that resolves")
        };
        let found = cx.hosts.get(text.as_ref()).filter(|found| !found.is_empty()).ok_or_else(missing)?;
        Ok(Trusted(found.iter().map(|ip| Whom::Network(*ip, whole(*ip))).collect()))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        self.0.extend(more.0);
        Ok(())
    }
}

/// The prefix length of a single address.
fn whole(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

impl Value for RealIpHeader {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "field | X-Real-IP | X-Forwarded-For | proxy_protocol";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let name = directive.arg(0).lossy();
        Ok(match name.to_ascii_lowercase().as_str() {
            "x-real-ip" => RealIpHeader::XRealIp,
            "x-forwarded-for" => RealIpHeader::XForwardedFor,
            "proxy_protocol" => RealIpHeader::ProxyProtocol,
            _ => RealIpHeader::Field(name.into_owned()),
        })
    }
}
