//! Lines of `virtual_routes`, `virtual_rules` and their static kin: the words of `ip route` and `ip rule`.

use super::address::known_group;
use super::number::remark;
use super::value::refuse;
use crate::diag::{Class, Diagnostic};
use crate::ir::route::{Route, Rule};
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};
use crate::table::{Arity, Cx, Fault, Value};

/// A route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteLine {
    /// What it says.
    pub route: Route,
    /// The line.
    pub span: Span,
}

/// A rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleLine {
    /// What it says.
    pub rule: Rule,
    /// The line.
    pub span: Span,
}

/// Words of a route that stand alone.
const FLAGS: [&str; 3] = ["onlink", "pervasive", "no_track"];
/// The preference of the first rule that has none.
const FIRST_PREFERENCE: u32 = 16_384;
/// Types of routes.
const TYPES: [&str; 9] =
    ["unicast", "local", "broadcast", "multicast", "throw", "unreachable", "prohibit", "blackhole", "nat"];

impl Value for RouteLine {
    const ARITY: Arity = Arity::SOME.with_block();
    const SYNTAX: &'static str = "{ [src address] [to] network [via gateway] [dev interface] [table number] … }";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let mut route = Route::default();
        let mut words = directive.args.iter().peekable();
        while let Some(word) = words.next() {
            let text = word.lossy();
            match &*text {
                kind if TYPES.contains(&kind) => route.kind = kind.to_owned(),
                "to" => {}
                "gw" => {
                    let what = "\"gw\" for routes is deprecated. Please use \"via\"";
                    cx.diagnostics.push(remark(what, Class::Deprecated).at(word.span, "").help("write via"));
                    route.via = value(&mut words);
                }
                "or" => {
                    let what = "\"or\" for routes is deprecated. Please use \"nexthop\"";
                    cx.diagnostics.push(remark(what, Class::Deprecated).at(word.span, "").help("write nexthop"));
                }
                "via" => {
                    let _ = words.next_if(|next| next.is("inet") || next.is("inet6"));
                    route.via = value(&mut words);
                }
                "dev" | "oif" => route.device = value(&mut words),
                "src" => route.source = value(&mut words),
                "table" => route.table = value(&mut words),
                "metric" | "priority" | "preference" => route.metric = value(&mut words),
                "scope" => route.scope = value(&mut words),
                "mtu" => {
                    let _ = words.next_if(|next| next.is("lock"));
                    route.mtu = value(&mut words);
                }
                "track_group" if directive.name.is("static_routes") => {
                    if let Some(group) = words.next() {
                        known_group(group, cx);
                    }
                }
                "onlink" => route.onlink = true,
                "no_track" => route.no_track = true,
                flag if FLAGS.contains(&flag) => {}
                _ if route.to.is_none() && is_network(&text) => route.to = Some(text.into_owned()),
                _ => {
                    // What only tunes the route is taken with its value.
                    route.other.push(text.into_owned());
                    route.other.extend(value(&mut words));
                }
            }
        }
        if cx.is_old_keepalived() && route.device.is_none() && !route.no_track {
            cx.diagnostics.push(untracked(&route).at(directive.span, ""));
        }
        Ok(RouteLine { route, span: directive.span })
    }
}

/// What 2.2 says of a route that it cannot watch; 2.4 finds the interface out.
fn untracked(route: &Route) -> Diagnostic {
    let to = route.to.as_deref().unwrap_or_default();
    let network = match to {
        "default" => "0.0.0.0/0".to_owned(),
        _ if to.contains('/') => to.to_owned(),
        _ => format!("{to}/{}", if to.contains(':') { 128 } else { 32 }),
    };
    let text = format!("Warning - cannot track route {network} with no interface specified, not tracking");
    remark(&text, Class::Warning).help("write dev INTERFACE, or no_track")
}

impl Value for RuleLine {
    const ARITY: Arity = Arity::SOME.with_block();
    const SYNTAX: &'static str = "{ [from network] [to network] [iif interface] [table number] [preference number] … }";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let mut rule = Rule::default();
        let mut group = None;
        let mut words = directive.args.iter().peekable();
        while let Some(word) = words.next() {
            let text = word.lossy();
            match &*text {
                "from" | "src" => rule.from = end(words.next(), "from", cx)?,
                "to" | "dst" => rule.to = end(words.next(), "to", cx)?,
                "iif" | "dev" => rule.input = value(&mut words),
                "oif" => rule.output = value(&mut words),
                "table" | "lookup" => rule.table = value(&mut words),
                "preference" | "priority" | "order" => rule.preference = value(&mut words),
                "fwmark" => rule.mark = value(&mut words),
                "not" => rule.inverted = true,
                "no_track" => {}
                "track_group" if directive.name.is("static_rules") => group = words.next(),
                "blackhole" | "unreachable" | "prohibit" => rule.action = text.into_owned(),
                _ => {
                    rule.other.push(text.into_owned());
                    rule.other.extend(value(&mut words));
                }
            }
        }
        match group {
            Some(group) if rule.input.is_none() => {
                let what = remark("Static rule cannot have track_group if dev/iif not specified", Class::General);
                cx.diagnostics.push(what.at(group.span, "").help("write iif INTERFACE, or delete track_group"));
            }
            Some(group) => known_group(group, cx),
            None => {}
        }
        if rule.preference.is_none() {
            // Each rule goes before the last.
            let preference = FIRST_PREFERENCE.saturating_sub(cx.unnumbered);
            cx.unnumbered += 1;
            let what = format!(
                "Rule has no preference specified - setting to {preference}. This is probably not what you want."
            );
            cx.diagnostics.push(remark(&what, Class::General).at(directive.span, "").help("write preference NUMBER"));
            rule.preference = Some(preference.to_string());
        }
        Ok(RuleLine { rule, span: directive.span })
    }
}

fn value<'a>(words: &mut impl Iterator<Item = &'a Word>) -> Option<String> {
    words.next().map(|word| word.lossy().into_owned())
}

/// One end of a rule.
fn end(word: Option<&Word>, which: &str, cx: &mut Cx) -> Result<Option<String>, Fault> {
    let Some(word) = word else { return Ok(None) };
    let text = word.lossy();
    if is_network(&text) || matches!(&*text, "all" | "any") {
        return Ok(Some(text.into_owned()));
    }
    let what = remark(&format!("VRRP parsed invalid IP {text}. skipping IP..."), Class::General);
    cx.diagnostics.push(what.at(word.span, "").help("a network, such as 10.1.0.0/16"));
    Err(refuse(cx, word, format!("Invalid rule {which} address {text}"), "a network, such as 10.1.0.0/16"))
}

/// Whether a word can be where a route leads.
fn is_network(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or(text);
    text == "default" || host.parse::<std::net::IpAddr>().is_ok()
}
