//! `garp_group` and `track_group`.

use super::number::Seconds;
use super::value::{List, Text};
use crate::table::Directives;

/// `garp_group` as it is written: interfaces whose announcements keep a distance from one another.
#[derive(Clone, Debug, Default, Directives)]
#[directives(module = "garp_group", within(k_garp_group))]
pub struct GarpBlock {
    /// Between two gratuitous ARPs on any of its interfaces, seconds.
    #[row("garp_interval")]
    pub garp_interval: Seconds<0, 4_294_967_295>,
    /// Between two unsolicited neighbour advertisements on any of its interfaces, seconds.
    #[row("gna_interval")]
    pub gna_interval: Seconds<0, 4_294_967_295>,
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
