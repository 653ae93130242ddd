//! Lines of `virtual_ipaddress` and `unicast_peer`.

use std::net::{IpAddr, Ipv4Addr};

use super::number::{argument, remark, unsigned};
use super::value::refuse;
use crate::diag::Class;
use crate::ir::vrrp::{Peer, VirtualAddress};
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};
use crate::table::{Arity, Cx, Fault, Value};

/// A line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressLine(pub VirtualAddress);

impl Default for AddressLine {
    fn default() -> Self {
        AddressLine(VirtualAddress {
            address: Ipv4Addr::UNSPECIFIED.into(),
            prefix: 32,
            broadcast: None,
            device: None,
            label: None,
            scope: 0,
            no_track: false,
            span: Span::NONE,
        })
    }
}

/// The longest name of an interface or label the kernel takes.
const LONGEST_NAME: usize = 15;

impl Value for AddressLine {
    const ARITY: Arity = Arity::SOME.with_block();
    const SYNTAX: &'static str =
        "{ address[/prefix] [brd address] [dev interface] [scope scope] [label label] [no_track] … }";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let first = argument(directive)?;
        let (address, prefix) = address(first, cx)?;
        let base = AddressLine::default().0;
        let mut line = VirtualAddress { address, prefix, span: directive.span, ..base };
        let mut words = directive.args.iter().skip(1);
        while let Some(word) = words.next() {
            match &word.text[..] {
                b"brd" | b"broadcast" => {
                    let given = value(&mut words, word, first, cx)?;
                    line.broadcast = broadcast(given, address, prefix, cx)?;
                }
                b"dev" => line.device = Some(value(&mut words, word, first, cx)?.lossy().into_owned()),
                b"label" => line.label = Some(label(value(&mut words, word, first, cx)?, cx)?),
                b"scope" => line.scope = scope(value(&mut words, word, first, cx)?, address, cx),
                b"no_track" => line.no_track = true,
                b"track_group" if directive.name.is("static_ipaddress") => {
                    known_group(value(&mut words, word, first, cx)?, cx);
                }
                b"-nodad" | b"home" | b"mngtmpaddr" | b"noprefixroute" | b"autojoin" => unbuilt(word, cx),
                b"peer" | b"preferred_lft" | b"use_vmac" => {
                    unbuilt(word, cx);
                    words.next();
                }
                _ => unknown(word, cx),
            }
        }
        Ok(AddressLine(line))
    }
}

/// Remarks on a `track_group` that no block before has defined.
pub(super) fn known_group(word: &Word, cx: &mut Cx) {
    let name = word.lossy();
    if !cx.track_groups.iter().any(|known| *known == name) {
        let what = remark(&format!("track_group {name} not found"), Class::General);
        cx.diagnostics.push(what.at(word.span, "").help("define the track_group above"));
    }
}

fn address(word: &Word, cx: &mut Cx) -> Result<(IpAddr, u8), Fault> {
    let text = word.lossy();
    let (host, prefix) = text.split_once('/').map_or((&*text, None), |(host, prefix)| (host, Some(prefix)));
    let Ok(address) = host.parse::<IpAddr>() else {
        let what = format!("VRRP parsed invalid IP {text}. skipping IP...");
        return Err(refuse(cx, word, what, "an address with an optional prefix length, such as 192.168.3.253/24"));
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let Some(prefix) = prefix else { return Ok((address, most)) };
    let part = Word { text: prefix.as_bytes().into(), ..word.clone() };
    match unsigned(&part, 0, u32::from(most), cx) {
        Ok(prefix) => Ok((address, prefix as u8)),
        Err(fault) => {
            let help = format!("a prefix length from 0 to {most}");
            let more = format!("Invalid address prefix len {prefix} for address {text} - using {most}");
            cx.diagnostics.push(remark(&fault.text, Class::Number).at(word.span, "").help(help.clone()));
            cx.diagnostics.push(remark(&more, Class::General).at(word.span, "").help(help));
            Ok((address, most))
        }
    }
}

/// The word after an option.
fn value<'a>(
    words: &mut impl Iterator<Item = &'a Word>,
    word: &Word,
    first: &Word,
    cx: &mut Cx,
) -> Result<&'a Word, Fault> {
    let name = if word.is("broadcast") { "brd".into() } else { word.lossy() };
    let what = || format!("No {name} parameter specified for {}", first.lossy());
    words.next().ok_or_else(|| refuse(cx, word, what(), &format!("write a value after `{name}`")))
}

fn broadcast(word: &Word, address: IpAddr, prefix: u8, cx: &mut Cx) -> Result<Option<IpAddr>, Fault> {
    let text = word.lossy();
    let IpAddr::V4(v4) = address else { return Ok(None) };
    let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    match &*text {
        "-" => Ok(Some(Ipv4Addr::from(u32::from(v4) & !hosts).into())),
        "+" => Ok(Some(Ipv4Addr::from(u32::from(v4) | hosts).into())),
        _ => text.parse().map(Some).map_err(|_| {
            let what = format!("VRRP is trying to assign invalid broadcast {text}. skipping VIP...");
            refuse(cx, word, what, "an address, + for the network's own, - for the network's first")
        }),
    }
}

fn label(word: &Word, cx: &mut Cx) -> Result<String, Fault> {
    let text = word.lossy();
    if text.len() > LONGEST_NAME {
        let what = format!("Address label {text} is longer than maximum length {LONGEST_NAME} - removing address");
        return Err(refuse(cx, word, what, "the interface's name, a colon and a short word: eth0:vip"));
    }
    Ok(text.into_owned())
}

/// The kernel's number of a scope.
fn scope(word: &Word, address: IpAddr, cx: &mut Cx) -> u8 {
    match &*word.lossy() {
        "global" => 0,
        "site" => 200,
        "link" => 253,
        "host" => 254,
        "nowhere" => 255,
        other => other.parse().unwrap_or_else(|_| {
            let what = format!("Invalid scope '{other}' specified for {address} - ignoring");
            let help = "global, site, link, host, nowhere, or a number up to 255";
            cx.diagnostics.push(remark(&what, Class::General).at(word.span, "").help(help));
            0
        }),
    }
}

fn unbuilt(word: &Word, cx: &mut Cx) {
    let text = format!("`{}` is known to keepalived, not built into rkeep yet, ignored", word.lossy());
    let finding = crate::diag::Diagnostic::error("keepalived::not-built", text);
    cx.diagnostics.push(finding.at(word.span, "not built").help("the address is set without it"));
}

fn unknown(word: &Word, cx: &mut Cx) {
    let text = format!("Unknown configuration entry '{}' for ip address - ignoring", word.lossy());
    let help = "after an address: brd, dev, scope, label, no_track";
    cx.diagnostics.push(remark(&text, Class::General).at(word.span, "").help(help));
}

/// A line of `unicast_peer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerLine {
    /// The peer, and which hop limits its adverts may have.
    pub peer: Peer,
    /// The line.
    pub span: Span,
}

impl Default for PeerLine {
    fn default() -> Self {
        PeerLine { peer: Peer::of(Ipv4Addr::UNSPECIFIED.into()), span: Span::NONE }
    }
}

impl Value for PeerLine {
    const ARITY: Arity = Arity::SOME.with_block();
    const SYNTAX: &'static str = "{ address [min_ttl number] [max_ttl number] … }";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        let text = word.lossy();
        // keepalived lets a prefix length pass and takes no notice of it.
        let Ok(address) = text.split('/').next().unwrap_or(&text).parse() else {
            let what = format!("VRRP instance[{}] malformed unicast peer address[{text}]. Skipping...", cx.owner);
            return Err(refuse(cx, word, format!("Configuration error: {what}"), "one address a line"));
        };
        let peer = hop_limits(Peer::of(address), directive, cx);
        Ok(PeerLine { peer, span: directive.span })
    }
}

/// `min_ttl` and `max_ttl` after a peer.
fn hop_limits(mut peer: Peer, directive: &Directive, cx: &mut Cx) -> Peer {
    let about = match cx.is_old_keepalived() {
        true => format!("({})", cx.owner),
        false => format!("({}) {} -", cx.owner, peer.address),
    };
    let mut words = directive.args.iter().skip(1);
    while let Some(option) = words.next() {
        let name = option.lossy();
        let Some(number) = words.next() else {
            let what = remark(&format!("{about} {name} is missing a value"), Class::General);
            cx.diagnostics.push(what.at(option.span, "").help("write a number after it"));
            break;
        };
        let limit = match &*name {
            "min_ttl" => &mut peer.min_ttl,
            "max_ttl" => &mut peer.max_ttl,
            _ => {
                let what = remark(&format!("{about} unknown option {name}"), Class::General);
                cx.diagnostics.push(what.at(option.span, "").help("min_ttl or max_ttl"));
                continue;
            }
        };
        match unsigned(number, 0, 255, cx) {
            Ok(hops) => *limit = hops as u8,
            Err(fault) => {
                cx.diagnostics.push(remark(&fault.text, Class::Number).at(number.span, "").help("0 to 255"));
            }
        }
    }
    if peer.min_ttl > peer.max_ttl {
        let limits = format!("min_ttl {} > max_ttl {}", peer.min_ttl, peer.max_ttl);
        let what = remark(&format!("{about} {limits} - all packets will be discarded"), Class::General);
        cx.diagnostics.push(what.at(directive.span, "").help("a lower min_ttl"));
    }
    peer
}
