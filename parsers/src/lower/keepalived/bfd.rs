//! `bfd_instance`. Three of keepalived's processes read it: BFD's all of it, VRRP's who it is for and what it weighs, the
//! checkers that it is there. Each says what it reads.

use std::net::IpAddr;
use std::time::Duration;

use super::Pass;
use super::walk::Walk;
use crate::ir::bfd::Session;
use crate::ir::track::Weight;
use crate::keepalived::bfd::BfdInstanceLayer;
use crate::keepalived::number::written;
use crate::source::Span;
use crate::syntax::tree::{Directive, Word};
use crate::table::Contexts as C;

impl Walk<'_> {
    /// `bfd_instance NAME { … }`
    pub(super) fn bfd_instance(&mut self, span: Span, keyword: &Word, args: &[Word]) {
        let Some(name) = args.first().map(|word| word.lossy().into_owned()) else {
            if self.pass == Pass::Bfd {
                self.general(keyword.span, "bfd_instance must have a name".to_owned(), "bfd_instance NAME {");
            }
            return self.skip();
        };
        if self.pass == Pass::Checkers {
            return self.checkable_session(args);
        }
        let named = |known: &(String, Weight)| known.0 == name;
        let known = match self.pass {
            Pass::Bfd => self.draft.bfd_known.iter().any(|known| known.name == name),
            _ => self.draft.bfd_names.iter().any(named),
        };
        if known {
            self.general(span, format!("BFD {name} already specified"), "give each session a name of its own");
            return self.skip();
        }
        self.draft.bfd = BfdInstanceLayer::default();
        self.draft.bfd_malformed = false;
        self.cx.owner.clone_from(&name);
        self.block(C::K_BFD);
        self.cx.owner.clear();
        let layer = &self.draft.bfd;
        if self.pass == Pass::Vrrp && (layer.vrrp.is_some() || layer.checker.is_none()) {
            let weight = written(&layer.weight).map_or(Weight::default(), |it| it.0);
            self.draft.bfd_names.push((name.clone(), weight));
        }
        if self.draft.bfd_malformed {
            return;
        }
        let known = if self.pass == Pass::Bfd { &self.draft.bfd_known } else { &self.draft.sessions };
        match session(name, layer, known) {
            Ok(session) if self.pass == Pass::Bfd => self.draft.bfd_known.push(session),
            Ok(session) => self.draft.sessions.push(session),
            Err(text) if self.pass == Pass::Bfd => {
                self.general(span, format!("Configuration error: BFD instance {text}"), "neighbor_ip ADDRESS");
            }
            Err(_) => {}
        }
    }

    /// An address of the session that is open.
    pub(super) fn bfd_address(&mut self, directive: &Directive) {
        let Some(word) = directive.args.first().filter(|word| word.lossy().parse::<IpAddr>().is_err()) else { return };
        self.draft.bfd_malformed = true;
        if self.pass == Pass::Bfd {
            let side = if directive.name.is("source_ip") { "source" } else { "neighbor" };
            let name = &self.cx.owner;
            let text = format!(
                "Configuration error: BFD instance {name} has malformed {side} address {}, ignoring instance",
                word.lossy()
            );
            self.general(word.span, text, "an IPv4 or IPv6 address");
        }
    }

    /// Whether the process that reads says nothing of this keyword, because another one does.
    pub(super) fn is_other_s(&self, context: C, keyword: &str) -> bool {
        let shared = matches!(keyword, "weight" | "vrrp" | "checker");
        context == C::K_BFD
            && match self.pass {
                Pass::Vrrp => !shared,
                Pass::Checkers => true,
                _ => shared,
            }
    }
}

fn session(name: String, layer: &BfdInstanceLayer, known: &[Session]) -> Result<Session, String> {
    let Some(text) = written(&layer.neighbor_ip) else {
        return Err(format!("{name} has no neighbor address set, disabling instance"));
    };
    let Ok(neighbor) = text.0.parse::<IpAddr>() else { return Err(format!("{name} has no neighbor")) };
    if known.iter().any(|known| known.neighbor == neighbor) {
        return Err(format!("{name} has duplicate neighbor address {neighbor}, ignoring instance"));
    }
    let source = written(&layer.source_ip).and_then(|text| text.0.parse::<IpAddr>().ok());
    if let Some(source) = source.filter(|source| source.is_ipv4() != neighbor.is_ipv4()) {
        let families = format!("source address {source} and neighbor address {neighbor} are not of the same family");
        return Err(format!("{name} {families}, disabling instance"));
    }
    let often = Duration::from_millis(10);
    Ok(Session {
        name,
        neighbor,
        source,
        min_rx: written(&layer.min_rx).map_or(often, |it| it.0),
        min_tx: written(&layer.min_tx).map_or(often, |it| it.0),
        idle_tx: written(&layer.idle_tx).map_or(Duration::from_secs(1), |it| it.0),
        multiplier: written(&layer.multiplier).map_or(5, |it| it.0 as u8),
        passive: layer.passive.is_some(),
        ttl: written(&layer.ttl).map_or(255, |it| it.0 as u8),
        max_hops: u8::try_from(written(&layer.max_hops).map_or(0, |it| it.0)).ok(),
        multihop: written(&layer.multihop).is_some_and(|it| it.0),
        weight: written(&layer.weight).map_or(Weight::default(), |it| it.0),
    })
}
