//! Routes and rules as the kernel takes them: words become a message. Pure but for the names of tables.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{RouteMessage, RouteProtocol, RouteScope, RouteType};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use rkeep_parsers::ir::route::{Route, Rule};
use rtnetlink::RouteMessageBuilder;

/// The number by which keepalived's routes are known.
const KEEPALIVED: u8 = 18;
/// The main table.
const MAIN: u32 = 254;
/// Where tables have names.
const NAMES: [&str; 3] = ["/etc/iproute2/rt_tables", "/usr/share/iproute2/rt_tables", "/usr/lib/iproute2/rt_tables"];

/// The message of a route; `index` is the interface's, if there is one.
///
/// # Errors
/// What of it cannot be understood.
pub fn route(route: &Route, index: Option<u32>) -> Result<RouteMessage, String> {
    let (to, via) = (network(route.to.as_deref())?, address(route.via.as_deref())?);
    let source = address(route.source.as_deref())?;
    let mut message = RouteMessageBuilder::<IpAddr>::new();
    let ipv6 = [to.map(|(to, _)| to), via, source].into_iter().flatten().any(|address| address.is_ipv6());
    let any: IpAddr = if ipv6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
    let (to, length) = to.unwrap_or((any, 0));
    let wrong = |what: &str| format!("families of a route's {what} differ");
    message = message.destination_prefix(to, length).map_err(|_| wrong("destination"))?;
    if let Some(via) = via {
        message = message.gateway(via).map_err(|_| wrong("gateway"))?;
    }
    if let Some(source) = source {
        message = message.pref_source(source).map_err(|_| wrong("source"))?;
    }
    if let Some(index) = index {
        message = message.output_interface(index);
    }
    if let Some(metric) = number(route.metric.as_deref(), "metric")? {
        message = message.priority(metric);
    }
    if route.onlink {
        message = message.onlink();
    }
    let table = table(route.table.as_deref())?;
    let scope = scope(route.scope.as_deref(), via.is_some() || ipv6)?;
    let message = message.table_id(table).scope(scope).protocol(RouteProtocol::from(KEEPALIVED));
    Ok(message.kind(kind(&route.kind)).build())
}

/// The message of a rule.
///
/// # Errors
/// What of it cannot be understood.
pub fn rule(rule: &Rule) -> Result<RuleMessage, String> {
    let (from, to) = (network(rule.from.as_deref())?, network(rule.to.as_deref())?);
    let mut message = RuleMessage::default();
    let ipv6 = [from, to].into_iter().flatten().any(|(address, _)| address.is_ipv6());
    message.header.family = if ipv6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    if let Some((address, length)) = from {
        message.header.src_len = length;
        message.attributes.push(RuleAttribute::Source(address));
    }
    if let Some((address, length)) = to {
        message.header.dst_len = length;
        message.attributes.push(RuleAttribute::Destination(address));
    }
    message.header.action = match rule.action.as_str() {
        "blackhole" => RuleAction::Blackhole,
        "unreachable" => RuleAction::Unreachable,
        "prohibit" => RuleAction::Prohibit,
        _ => RuleAction::ToTable,
    };
    if message.header.action == RuleAction::ToTable {
        let table = table(rule.table.as_deref())?;
        message.header.table = u8::try_from(table).unwrap_or(0);
        message.attributes.push(RuleAttribute::Table(table));
    }
    let more = [
        number(rule.preference.as_deref(), "preference")?.map(RuleAttribute::Priority),
        number(rule.mark.as_deref(), "fwmark")?.map(RuleAttribute::FwMark),
        rule.input.clone().map(RuleAttribute::Iifname),
        rule.output.clone().map(RuleAttribute::Oifname),
    ];
    message.attributes.extend(more.into_iter().flatten());
    Ok(message)
}

/// An address with its prefix length; none for `default` and `all`.
fn network(text: Option<&str>) -> Result<Option<(IpAddr, u8)>, String> {
    let Some(text) = text.filter(|text| !matches!(*text, "default" | "all" | "any")) else { return Ok(None) };
    let (host, length) = text.split_once('/').map_or((text, None), |(host, length)| (host, Some(length)));
    let address: IpAddr = host.parse().map_err(|_| format!("{text} is no network"))?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    match length {
        None => Ok(Some((address, whole))),
        Some(length) => match length.parse() {
            Ok(length) if length <= whole => Ok(Some((address, length))),
            _ => Err(format!("{text} is no network")),
        },
    }
}

fn address(text: Option<&str>) -> Result<Option<IpAddr>, String> {
    text.map(|text| text.parse().map_err(|_| format!("{text} is no address"))).transpose()
}

fn number(text: Option<&str>, what: &str) -> Result<Option<u32>, String> {
    let Some(text) = text else { return Ok(None) };
    let read = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    read.map(Some).map_err(|_| format!("{what} {text} is no number"))
}

/// A table's number: of those that have names, by name.
fn table(text: Option<&str>) -> Result<u32, String> {
    let Some(text) = text else { return Ok(MAIN) };
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let known = match text {
        "main" => Some(MAIN),
        "local" => Some(255),
        "default" => Some(253),
        _ => NAMES.iter().find_map(|path| named(&fs::read_to_string(path).ok()?, text)),
    };
    known.ok_or_else(|| format!("table {text} is not known: see /etc/iproute2/rt_tables"))
}

/// The number of a name in a file of such names.
fn named(names: &str, wanted: &str) -> Option<u32> {
    let lines = names.lines().filter_map(|line| line.split('#').next()?.trim().split_once(char::is_whitespace));
    lines.filter(|(_, name)| name.trim() == wanted).find_map(|(number, _)| number.parse().ok())
}

/// How far a route leads; one without a gateway ends on the link.
fn scope(text: Option<&str>, beyond: bool) -> Result<RouteScope, String> {
    match text {
        None if beyond => Ok(RouteScope::Universe),
        None => Ok(RouteScope::Link),
        Some("global") => Ok(RouteScope::Universe),
        Some("site") => Ok(RouteScope::Site),
        Some("link") => Ok(RouteScope::Link),
        Some("host") => Ok(RouteScope::Host),
        Some("nowhere") => Ok(RouteScope::NoWhere),
        Some(text) => match text.parse::<u8>() {
            Ok(number) => Ok(RouteScope::from(number)),
            Err(_) => Err(format!("scope {text} is not known")),
        },
    }
}

fn kind(text: &str) -> RouteType {
    match text {
        "local" => RouteType::Local,
        "broadcast" => RouteType::Broadcast,
        "multicast" => RouteType::Multicast,
        "blackhole" => RouteType::BlackHole,
        "unreachable" => RouteType::Unreachable,
        "prohibit" => RouteType::Prohibit,
        "throw" => RouteType::Throw,
        _ => RouteType::Unicast,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_says_where_it_leads() {
        let words = |text: &str| Some(text.to_owned());
        let way = Route {
            to: words("10.1.0.0/16"),
            via: words("192.168.3.1"),
            table: words("100"),
            metric: words("7"),
            ..Route::default()
        };
        let message = route(&way, Some(3)).expect("a route");
        assert_eq!((message.header.destination_prefix_length, message.header.table), (16, 100));
        assert_eq!(message.header.scope, RouteScope::Universe);
        assert!(route(&Route { to: words("10.1.0.0/33"), ..Route::default() }, None).is_err());
        let link = route(&Route { to: words("10.1.0.0/16"), ..Route::default() }, Some(3)).expect("a route");
        assert_eq!(link.header.scope, RouteScope::Link);
        assert!(route(&Route { table: words("nosuchtable"), ..Route::default() }, None).is_err());
    }

    #[test]
    fn tables_have_names() {
        assert_eq!(named("# names\n255\tlocal\n100 mine # ours\n", "mine"), Some(100));
        assert_eq!(named("100 mine\n", "other"), None);
    }
}
