//! Values of the keywords in `tuning.rs`.

use super::number::{argument, decimal, remark, signed, unsigned};
use super::value::{refuse, silent};
use crate::diag::Class;
use crate::ir::track::{How, Linkbeat};
use crate::syntax::tree::Directive;
use crate::table::{Arity, Cx, Fault, Value};

/// Implements `repeat` by taking the last.
macro_rules! last_holds {
    () => {
        fn repeat(&mut self, more: Self) -> Result<(), Fault> {
            *self = more;
            Ok(())
        }
    };
}

/// `max_auto_priority [N]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AutoPriority(pub i32);

impl Value for AutoPriority {
    const ARITY: Arity = Arity::range(0, 1);
    const SYNTAX: &'static str = "[number]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        match directive.args.first() {
            None => Ok(AutoPriority(99)),
            Some(word) => signed(word, -1, 99, cx).map(AutoPriority),
        }
    }

    last_holds!();
}

/// `vrrp_cpu_affinity`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpus(pub Vec<usize>);

impl Value for Cpus {
    const ARITY: Arity = Arity::SOME;
    const SYNTAX: &'static str = "number …";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let read = |word| unsigned(word, 0, 1023, cx).map(|cpu| cpu as usize);
        directive.args.iter().map(read).collect::<Result<_, _>>().map(Cpus)
    }

    last_holds!();
}

/// `vrrp_rx_bufs_policy MTU | ADVERT | BYTES`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BufferPolicy;

impl Value for BufferPolicy {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "MTU | ADVERT | number";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let word = argument(directive)?;
        match word.is("MTU") || word.is("ADVERT") {
            true => Ok(BufferPolicy),
            false => unsigned(word, 0, u32::MAX, cx).map(|_| BufferPolicy),
        }
    }

    last_holds!();
}

/// `include_check [+|-]WORD …`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IncludeCheck;

impl Value for IncludeCheck {
    const ARITY: Arity = Arity::ANY;
    const SYNTAX: &'static str = "[+ | -][read | match | wildcard_match | brace_match] …";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        for word in &directive.args {
            let text = word.lossy();
            let kind = text.trim_start_matches(['+', '-']);
            if !["read", "match", "wildcard_match", "brace_match", ""].contains(&kind) {
                let what = remark(&format!("Unknown include_check type '{text}' - ignoring"), Class::General);
                cx.diagnostics.push(what.at(word.span, "").help("read, match, wildcard_match, brace_match"));
            }
        }
        Ok(IncludeCheck)
    }

    last_holds!();
}

/// `lvs_timeouts [tcp S] [tcpfin S] [udp S]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LvsTimeouts;

impl Value for LvsTimeouts {
    const ARITY: Arity = Arity::ANY;
    const SYNTAX: &'static str = "[tcp seconds] [tcpfin seconds] [udp seconds]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        if directive.args.is_empty() {
            let what = "lvs_timeouts requires at least one option".to_owned();
            return Err(refuse(cx, &directive.name, what, "tcp, tcpfin or udp and seconds"));
        }
        let mut words = directive.args.iter();
        while let Some(word) = words.next() {
            let text = word.lossy();
            if ["tcp", "tcpfin", "udp"].contains(&&*text) {
                words.next();
                continue;
            }
            let what = remark(&format!("Unknown option {text} specified for lvs_timeouts"), Class::General);
            cx.diagnostics.push(what.at(word.span, "").help("tcp, tcpfin or udp and seconds"));
        }
        Ok(LvsTimeouts)
    }

    last_holds!();
}

/// `lvs_flush_on_stop [VS]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LvsFlush;

impl Value for LvsFlush {
    const ARITY: Arity = Arity::range(0, 1);
    const SYNTAX: &'static str = "[VS]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        match directive.args.first() {
            Some(word) if !word.is("VS") => {
                let what = format!("Unknown lvs_flush_on_stop type {}", word.lossy());
                Err(refuse(cx, word, what, "VS, or nothing"))
            }
            _ => Ok(LvsFlush),
        }
    }

    last_holds!();
}

/// `lvs_sync_daemon INTERFACE [INSTANCE] …`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncDaemon(pub String);

impl Value for SyncDaemon {
    const ARITY: Arity = Arity::ANY;
    const SYNTAX: &'static str = "interface [instance] [id number] …";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        match directive.args.first() {
            Some(word) => Ok(SyncDaemon(word.lossy().into_owned())),
            None => {
                let what = "lvs_sync_daemon requires interface".to_owned();
                Err(refuse(cx, &directive.name, what, "the interface of synchronisation"))
            }
        }
    }

    last_holds!();
}

/// A line of `interface_up_down_delays`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelayLine {
    /// The interface.
    pub interface: String,
    /// How long it must be down, microseconds.
    pub down: u64,
    /// How long it must be up, microseconds.
    pub up: u64,
}

/// Microseconds that such a delay may have.
const LONGEST_DELAY: u64 = 255_000_000;

impl Value for DelayLine {
    const ARITY: Arity = Arity::SOME.with_block();
    const SYNTAX: &'static str = "{ interface down-seconds [up-seconds] … }";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let interface = argument(directive)?.lossy().into_owned();
        let down = directive.args.get(1).ok_or_else(|| silent().help("seconds after the interface"))?;
        let down = decimal(down, 0, LONGEST_DELAY, true, cx)?;
        let up = directive.args.get(2).map(|word| decimal(word, 0, LONGEST_DELAY, true, cx)).transpose()?;
        Ok(DelayLine { interface, down, up: up.unwrap_or(down) })
    }
}

/// A line of `linkbeat_interfaces`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkbeatLine(pub Linkbeat);

impl Value for LinkbeatLine {
    const ARITY: Arity = Arity::SOME.with_block();
    const SYNTAX: &'static str = "{ interface [MII | ETHTOOL | IOCTL] … }";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let interface = argument(directive)?.lossy().into_owned();
        let how = match directive.args.get(1..).unwrap_or_default() {
            [] => None,
            [word] if word.is("MII") => Some(How::Mii),
            [word] if word.is("ETHTOOL") => Some(How::Ethtool),
            [word] if word.is("IOCTL") => Some(How::Ioctl),
            [word, ..] => {
                let what = format!("extra characters {} in linkbeat interface", word.lossy());
                cx.diagnostics.push(remark(&what, Class::General).at(word.span, "").help("MII, ETHTOOL or IOCTL"));
                None
            }
        };
        Ok(LinkbeatLine(Linkbeat { interface, how }))
    }
}
