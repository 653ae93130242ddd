//! What a `vrrp_instance` watches beside its own interface: scripts, files, processes and other interfaces.

use std::time::Duration;

use super::vrrp::Script;
use crate::source::Span;

/// What a tracked thing does to a priority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Weight {
    /// Added while all is well if positive, taken away while it is not if negative; zero makes a failure FAULT.
    pub value: i16,
    /// `reverse`: the other way round.
    pub reverse: bool,
}

/// The kind of a tracked thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `track_interface`
    Interface,
    /// `track_script`
    Script,
    /// `track_file`
    File,
    /// `track_process`
    Process,
    /// `track_bfd`
    Bfd,
}

/// A line of a `track_…` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// What kind of thing.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What it does: the line's own weight, else that of the thing.
    pub weight: Weight,
}

/// All that can be tracked, as it is defined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trackers {
    /// `vrrp_script`s.
    pub scripts: Vec<TrackScript>,
    /// `track_file`s.
    pub files: Vec<TrackFile>,
    /// `vrrp_track_process`es.
    pub processes: Vec<TrackProcess>,
    /// `bfd_instance`s.
    pub sessions: Vec<super::bfd::Session>,
    /// `linkbeat_interfaces` and `linkbeat_use_polling`: interfaces that are asked for their link.
    pub links: Vec<Linkbeat>,
}

/// An interface that is asked for its link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linkbeat {
    /// Its name.
    pub interface: String,
    /// How; by the first way that its driver knows unless said.
    pub how: Option<How>,
}

/// How an interface is asked for its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `MII`
    Mii,
    /// `ETHTOOL`
    Ethtool,
    /// `IOCTL`
    Ioctl,
}

/// A `vrrp_script`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackScript {
    /// Its name.
    pub name: String,
    /// What is run, and as whom.
    pub script: Script,
    /// `interval`
    pub interval: Duration,
    /// `timeout`; the interval unless said.
    pub timeout: Duration,
    /// `weight`
    pub weight: Weight,
    /// `rise`: successes that make it good.
    pub rise: u32,
    /// `fall`: failures that make it bad.
    pub fall: u32,
    /// `init_fail`: bad until it has succeeded.
    pub init_fail: bool,
    /// The block.
    pub span: Span,
}

/// A `track_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackFile {
    /// Its name.
    pub name: String,
    /// The file whose number counts.
    pub path: String,
    /// `weight`: the file's number is multiplied by it.
    pub weight: Weight,
    /// `init_file`: what is written into it at the start, and whether also into one that is there.
    pub init: Option<(i32, bool)>,
    /// The block.
    pub span: Span,
}

/// A `vrrp_track_process`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackProcess {
    /// Its name.
    pub name: String,
    /// The program, and its arguments if they count.
    pub command: Vec<String>,
    /// `param_match`
    pub arguments: ArgumentMatch,
    /// `full_command`: the command line counts instead of the process' short name.
    pub full_command: bool,
    /// `weight`
    pub weight: Weight,
    /// `quorum`: so many at least.
    pub quorum: u32,
    /// `quorum_max`: so many at most.
    pub quorum_max: Option<u32>,
    /// `fork_delay` (or `delay`): how long there must be enough.
    pub fork_delay: Duration,
    /// `terminate_delay` (or `delay`): how long too few are overlooked.
    pub terminate_delay: Duration,
    /// The block.
    pub span: Span,
}

/// How a process' arguments are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArgumentMatch {
    /// Not at all where none are written, else all of them.
    #[default]
    Exact,
    /// `initial`: it begins with these.
    Initial,
    /// `partial`: as `initial`, and the last may go on.
    Partial,
}
