//! `virtual_server`, `real_server`, `TCP_CHECK` and `BFD_CHECK`.

use std::net::{IpAddr, SocketAddr};

use super::number::{FOREVER, Seconds, Uint, argument, unsigned};
use super::value::{Address, Command, Flag, Switch, Text, Words, set_command, silent};
use crate::ir::service::{Forward, Protocol, Scheduler};
use crate::syntax::tree::{Directive, Word};
use crate::table::{Arity, Cx, Directives, Fault, Value};

/// `virtual_server` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "virtual_server", within(k_virtual_server))]
pub struct VirtualServer {
    /// How a real server is chosen.
    #[row("lb_algo", usual = "wlc")]
    #[row("lvs_sched")]
    pub scheduler: LbAlgo,
    /// How packets reach the real servers.
    #[row("lb_kind", usual = "NAT")]
    #[row("lvs_method")]
    pub forward: LbKind,
    /// How long a client stays with its real server, seconds; 360 when written without a number.
    #[row("persistence_timeout")]
    pub persistence_timeout: Persistence,
    /// Clients whose addresses agree so far count as one.
    #[row("persistence_granularity")]
    pub persistence_granularity: Granularity,
    /// The transport.
    #[row("protocol", usual = "TCP")]
    pub protocol: Transport,
    /// Real servers are down until a check succeeded.
    #[row("alpha")]
    pub alpha: Flag,
    /// Runs `quorum_down` and `notify_down` when keepalived stops.
    #[row("omega")]
    pub omega: Flag,
    /// The least weight of live real servers.
    #[row("quorum", usual = "1")]
    pub quorum: Uint<1, { u32::MAX }>,
    /// How far beyond the quorum the weight must go before it counts.
    #[row("hysteresis", usual = "0")]
    pub hysteresis: Uint<0, { u32::MAX }>,
    /// Checks run only while the address is on this box.
    #[row("ha_suspend")]
    pub ha_suspend: Flag,
    /// Mail when the quorum is lost or gained.
    #[row("smtp_alert")]
    pub smtp_alert: Switch,
    /// Runs when the quorum is gained.
    #[row("quorum_up", by = set_command)]
    pub quorum_up: Command,
    /// Runs when the quorum is lost.
    #[row("quorum_down", by = set_command)]
    pub quorum_down: Command,
    /// Who serves when the quorum is lost.
    #[row("sorry_server")]
    pub sorry_server: SorryServer,
    /// The weight of real servers that do not say.
    #[row("weight", usual = "1")]
    pub weight: Uint<1, 2_147_483_647>,
    /// A dead real server gets weight 0 instead of being removed.
    #[row("inhibit_on_failure")]
    pub inhibit_on_failure: Flag,
    /// The family of the addresses.
    #[row("ip_family")]
    pub ip_family: IpFamily,
}

/// `real_server` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "real_server", within(k_real_server))]
pub struct Real {
    /// Its share of the load.
    #[row("weight", usual = "1")]
    pub weight: Uint<0, 2_147_483_647>,
    /// It gets weight 0 when it is dead instead of being removed.
    #[row("inhibit_on_failure")]
    pub inhibit_on_failure: Switch,
    /// Mail when it goes down or comes up.
    #[row("smtp_alert")]
    pub smtp_alert: Switch,
    /// Runs when it comes up.
    #[row("notify_up", by = set_command)]
    pub notify_up: Command,
    /// Runs when it goes down.
    #[row("notify_down", by = set_command)]
    pub notify_down: Command,
    /// It is down until a check succeeded.
    #[row("alpha")]
    pub alpha: Switch,
}

/// Timing of checks, said for a whole virtual server or for one real server.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "virtual_server", within(k_virtual_server, k_real_server))]
pub struct Timing {
    /// Between two checks, seconds.
    #[row("delay_loop", usual = "60")]
    pub delay_loop: Seconds<1, FOREVER>,
    /// How long a connection may take, seconds.
    #[row("connect_timeout", usual = "5")]
    pub connect_timeout: Seconds<1, 4_294_967_295>,
    /// How often a failed check is repeated before the server is down.
    #[row("retry", usual = "1")]
    pub retry: Uint<1, { u32::MAX }, true>,
    /// Before each repetition, seconds.
    #[row("delay_before_retry", usual = "1")]
    pub delay_before_retry: Seconds<0, FOREVER>,
    /// The first check comes after a random time up to this, seconds.
    #[row("warmup")]
    pub warmup: Seconds<0, FOREVER>,
}

/// `TCP_CHECK` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "TCP_CHECK", within(k_tcp_check))]
pub struct TcpCheck {
    /// The address checked instead of the real server's.
    #[row("connect_ip")]
    pub connect_ip: Address,
    /// The port checked instead of the real server's.
    #[row("connect_port")]
    pub connect_port: Uint<1, 65_535>,
    /// The address it is checked from.
    #[row("bindto")]
    pub bindto: Address,
    /// The port it is checked from.
    #[row("bind_port")]
    pub bind_port: Uint<1, 65_535>,
    /// The interface it is checked through.
    #[row("bind_if")]
    pub bind_if: Text,
    /// The packets' mark.
    #[row("fwmark")]
    pub fwmark: Uint<0, { u32::MAX }>,
    /// Between two checks, seconds.
    #[row("delay_loop", usual = "60")]
    pub delay_loop: Seconds<1, FOREVER>,
    /// How long the connection may take, seconds.
    #[row("connect_timeout", usual = "5")]
    pub connect_timeout: Seconds<1, 4_294_967_295>,
    /// How often a failed check is repeated before the server is down.
    #[row("retry", usual = "1")]
    pub retry: Uint<0, { u32::MAX }>,
    /// Before each repetition, seconds.
    #[row("delay_before_retry", usual = "1")]
    pub delay_before_retry: Seconds<0, FOREVER>,
    /// The first check comes after a random time up to this, seconds.
    #[row("warmup")]
    pub warmup: Seconds<0, FOREVER>,
    /// The server is down until this check succeeded.
    #[row("alpha")]
    pub alpha: Switch,
    /// Logs every failure, not only the last.
    #[row("log_all_failures")]
    pub log_all_failures: Switch,
}

/// `BFD_CHECK` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "BFD_CHECK", within(k_bfd_check))]
pub struct BfdCheck {
    /// The `bfd_instance` whose state is the real server's.
    #[row("name")]
    pub name: Words,
    /// The server is down until the session is up.
    #[row("alpha")]
    pub alpha: Switch,
}

/// Implements `Value` for a type read from the first word, the last occurrence holding.
macro_rules! first_word {
    ($type:ty, $syntax:literal, $help:literal, $read:expr) => {
        impl Value for $type {
            const ARITY: Arity = Arity::ONE;
            const SYNTAX: &'static str = $syntax;

            fn parse(directive: &Directive, _: &mut Cx) -> Result<Self, Fault> {
                let word = argument(directive)?;
                let read: fn(&str) -> Option<$type> = $read;
                read(&word.lossy()).ok_or_else(|| silent().at(word.span).help($help))
            }

            fn repeat(&mut self, more: Self) -> Result<(), Fault> {
                *self = more;
                Ok(())
            }
        }
    };
}

/// `lb_algo`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LbAlgo(pub Scheduler);

/// Schedulers that only the kernel has.
const KERNEL_ONLY: [&str; 9] = ["lblc", "lblcr", "mh", "dh", "fo", "ovf", "sed", "nq", "twos"];

first_word!(
    LbAlgo,
    "rr | wrr | lc | wlc | sh | …",
    "rr, wrr, lc, wlc, sh (in the kernel also lblc, lblcr, mh, dh, fo, ovf, sed, nq, twos)",
    |text| {
        let scheduler = match text {
            "rr" => Scheduler::RoundRobin,
            "wrr" => Scheduler::WeightedRoundRobin,
            "lc" => Scheduler::LeastConnection,
            "wlc" => Scheduler::WeightedLeastConnection,
            "sh" => Scheduler::SourceHash,
            other => Scheduler::Other(KERNEL_ONLY.into_iter().find(|known| *known == other)?),
        };
        Some(LbAlgo(scheduler))
    }
);

/// `lb_kind`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LbKind(pub Forward);

first_word!(LbKind, "NAT | DR | TUN", "NAT, DR or TUN, in capitals", |text| match text {
    "NAT" => Some(LbKind(Forward::Nat)),
    "DR" => Some(LbKind(Forward::DirectRoute)),
    "TUN" => Some(LbKind(Forward::Tunnel)),
    _ => None,
});

/// `protocol`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transport(pub Protocol);

first_word!(Transport, "TCP | UDP | SCTP", "TCP, UDP or SCTP, in capitals", |text| match text {
    "TCP" => Some(Transport(Protocol::Tcp)),
    "UDP" => Some(Transport(Protocol::Udp)),
    "SCTP" => Some(Transport(Protocol::Sctp)),
    _ => None,
});

/// `ip_family`: whether it is IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpFamily(pub bool);

first_word!(IpFamily, "inet | inet6", "inet or inet6", |text| match text {
    "inet" => Some(IpFamily(false)),
    "inet6" => Some(IpFamily(true)),
    _ => None,
});

/// `persistence_granularity` as a prefix length.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Granularity(pub u8);

first_word!(Granularity, "mask | prefix", "an IPv4 mask such as 255.255.255.0, or an IPv6 prefix length", |text| {
    let prefix = || text.parse().ok().filter(|prefix| (1..=128).contains(prefix));
    let mask = Some(text).filter(|text| text.contains('.') || *text == "0").and_then(mask);
    mask.map(|mask| mask.leading_ones() as u8).or_else(prefix).map(Granularity)
});

/// An IPv4 address of one to four numbers, the last of which fills what is left, as the C library reads them.
fn mask(text: &str) -> Option<u32> {
    let numbers = text.split('.').map(|part| part.parse::<u32>().ok()).collect::<Option<Vec<_>>>()?;
    let (last, first) = numbers.split_last()?;
    let high = first.iter().try_fold(0, |sum: u32, byte| Some(sum * 256 + u32::from(u8::try_from(*byte).ok()?)))?;
    let left = 32 - 8 * u32::try_from(first.len()).ok().filter(|count| *count < 4)?;
    (left == 32 || *last < 1 << left).then(|| high.checked_shl(left).unwrap_or(0) | last)
}

/// `persistence_timeout`, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Persistence(pub u32);

impl Value for Persistence {
    const ARITY: Arity = Arity::range(0, 1);
    const SYNTAX: &'static str = "[seconds]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        match directive.args.is_empty() {
            true => Ok(Persistence(360)),
            false => Uint::<1, 2_678_400, true>::parse(directive, cx).map(|seconds| Persistence(seconds.0)),
        }
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `sorry_server ADDRESS [PORT]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SorryServer(pub Option<SocketAddr>);

impl Value for SorryServer {
    const ARITY: Arity = Arity::range(1, 2);
    const SYNTAX: &'static str = "address [port]";

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        endpoint(&directive.args, cx).map(|address| SorryServer(Some(address)))
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}

/// `ADDRESS [PORT]`; without a port it is 0.
///
/// # Errors
/// What is wrong with the port, or silence for the address: the keyword's own words follow.
pub fn endpoint(words: &[Word], cx: &mut Cx) -> Result<SocketAddr, Fault> {
    let Some(first) = words.first() else { return Err(silent()) };
    let port = words.get(1).map(|word| unsigned(word, 1, 65_535, cx)).transpose()?.unwrap_or(0);
    let invalid = |_| silent().at(first.span).help("an IPv4 or IPv6 address, then the port after a blank");
    let address: IpAddr = first.lossy().parse().map_err(invalid)?;
    Ok(SocketAddr::new(address, port as u16))
}
