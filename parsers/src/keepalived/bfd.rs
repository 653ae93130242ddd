//! `bfd_instance`.

use std::time::Duration;

use super::number::{FOREVER, Int, Uint, argument, millionths};
use super::tracking::ScriptWeight;
use super::value::{Flag, Text, silent};
use crate::syntax::tree::Directive;
use crate::table::{Arity, Cx, Directives, Fault, Value};

/// `bfd_instance` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "bfd_instance", within(k_bfd))]
pub struct BfdInstance {
    /// Whom the session is with.
    #[row("neighbor_ip")]
    #[row("neighbour_ip")]
    pub neighbor_ip: Text,
    /// Where its packets come from.
    #[row("source_ip")]
    pub source_ip: Text,
    /// How often packets may come, milliseconds; 10 unless said.
    #[row("min_rx")]
    pub min_rx: Millis<1>,
    /// How often packets are sent while the session is up, milliseconds; 10 unless said.
    #[row("min_tx")]
    pub min_tx: Millis<1>,
    /// How often otherwise, milliseconds; 1000 unless said.
    #[row("idle_tx")]
    pub idle_tx: Millis<1000>,
    /// So many packets missed are a loss; 5 unless said.
    #[row("multiplier")]
    pub multiplier: Uint<1, 255>,
    /// It speaks only once spoken to.
    #[row("passive")]
    pub passive: Flag,
    /// The hop limit of packets sent; 255 unless said.
    #[row("ttl")]
    #[row("hoplimit")]
    pub ttl: Uint<1, 255>,
    /// How many routers packets may have come over; -1 for any number.
    #[row("max_hops")]
    pub max_hops: Int<-1, 255>,
    /// The neighbour is not on the same link.
    #[row("multihop")]
    pub multihop: OnOff,
    /// Added to the priority while the session is up, or taken away while it is not; 0 makes its loss FAULT.
    #[row("weight")]
    pub weight: ScriptWeight,
    /// Only instances track it.
    #[row("vrrp")]
    pub vrrp: Flag,
    /// Only a `BFD_CHECK` asks for it.
    #[row("checker")]
    pub checker: Flag,
}

/// Milliseconds with up to three decimals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Millis<const LEAST: u64>(pub Duration);

/// The most milliseconds that such a time may have.
const LONGEST: u64 = 4_294_967;

impl<const LEAST: u64> Value for Millis<LEAST> {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "milliseconds";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        let text = word.lossy().into_owned();
        let outside = || Fault::new(format!("number '{text}' outside range [{LEAST}.000, {LONGEST}.000]"));
        let help = format!("{LEAST} to {LONGEST} milliseconds");
        let read = millionths(word, 0, FOREVER, false, help.clone(), cx);
        let micros = read.map_err(|_| outside().at(word.span).help(help.clone()))? / 1000;
        if text.split_once('.').is_some_and(|(_, fraction)| fraction.len() > 3) {
            let what = format!("number '{text}' has too many decimal places");
            cx.diagnostics.push(super::number::remark(&what, crate::diag::Class::Number).at(word.span, ""));
        }
        match (LEAST * 1000..=LONGEST * 1000).contains(&micros) {
            true => Ok(Millis(Duration::from_micros(micros))),
            false => Err(outside().at(word.span).help(help)),
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// A word of truth, true where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnOff(pub bool);

impl Value for OnOff {
    const ARITY: Arity = Arity::range(0, 1);
    const SYNTAX: &'static str = "[on | off]";

    fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
        let Some(word) = directive.args.first() else { return Ok(OnOff(true)) };
        match &word.text[..] {
            b"on" | b"true" | b"yes" => Ok(OnOff(true)),
            b"off" | b"false" | b"no" => Ok(OnOff(false)),
            _ => Err(silent().at(word.span).help("on or off")),
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}
