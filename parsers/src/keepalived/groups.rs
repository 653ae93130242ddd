//! `garp_group` and `track_group`.

use std::time::Duration;

use super::number::{argument, decimal};
use super::value::{List, Text};
use crate::syntax::tree::Directive;
use crate::table::{Arity, Cx, Directives, Fault, Range, Value};

/// `garp_group` as it is written: interfaces whose announcements keep a distance from one another.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "garp_group", within(k_garp_group))]
pub struct GarpBlock {
    /// Between two gratuitous ARPs on any of its interfaces, seconds.
    #[row("garp_interval")]
    pub garp_interval: Spacing,
    /// Between two unsolicited neighbour advertisements on any of its interfaces, seconds.
    #[row("gna_interval")]
    pub gna_interval: Spacing,
    /// One of its interfaces.
    #[row("interface")]
    pub interface: Text,
    /// Its interfaces.
    #[row("interfaces")]
    pub interfaces: List,
}

/// `track_group` as it is written.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "track_group", within(k_track_group))]
pub struct TrackGroup {
    /// The instances that go with static addresses, routes and rules.
    #[row("group", ignored = "a static address, route or rule that somebody deletes is no fault of an instance")]
    pub group: List,
}

/// `garp_interval SECONDS`, `gna_interval SECONDS` of a `garp_group`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spacing(pub Duration);

/// Microseconds between two announcements at most, now and in keepalived 2.2.
const WIDEST: [u64; 2] = [u32::MAX as u64, i32::MAX as u64];

impl Value for Spacing {
    const ARITY: Arity = Arity::ONE;
    const SYNTAX: &'static str = "seconds";
    const RANGE: Option<Range> = Some(Range::Seconds(0, WIDEST[0]));

    fn parse(directive: &Directive, cx: &mut Cx) -> Result<Self, Fault> {
        let widest = if cx.is_old_keepalived() { WIDEST[1] } else { WIDEST[0] };
        decimal(argument(directive)?, 0, widest, false, cx).map(Duration::from_micros).map(Spacing)
    }

    fn repeat(&mut self, more: Self) -> Result<(), Fault> {
        *self = more;
        Ok(())
    }
}
