//! What has been read so far: the layers of the blocks that are open, and the items of the IR that are done.

use super::Machine;
use super::vrrp::RouterDraft;
use crate::ir::bfd::Session;
use crate::ir::hmac::Key;
use crate::ir::track::{Linkbeat, Track, Trackers};
use crate::ir::vrrp::{Group, Router};
use crate::ir::{Arena, Id, Ir};
use crate::keepalived::bfd::BfdInstanceLayer;
use crate::keepalived::global::{GarpGroup, GlobalDefsLayer};
use crate::keepalived::groups::{GarpBlockLayer, TrackGroupLayer};
use crate::keepalived::hint;
use crate::keepalived::hmac::AuthHmacLayer;
use crate::keepalived::instance::{AuthenticationLayer, InstanceLayer, NotifyLayer, SyncGroupLayer};
use crate::keepalived::speech::TravelLayer;
use crate::keepalived::tracking::{FileBlockLayer, ProcessBlockLayer, TrackingLayer, VrrpScriptLayer};
use crate::keepalived::tuning::{FixedLayer, OutsideLayer, SpeakingLayer, TuningLayer};
use crate::keepalived::virtual_server::{BfdCheckLayer, RealLayer, TcpCheckLayer, TimingLayer, VirtualServerLayer};
use crate::keepalived::{GlobalDefs, bfd, groups, hmac, instance, speech, tracking, tuning, virtual_server};
use crate::syntax::tree::Directive;
use crate::table::{Contexts as C, Cx, Fault, Module, Row};

/// The state of a reading.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) global: GlobalDefsLayer,
    pub(super) speaking: SpeakingLayer,
    pub(super) tuning: TuningLayer,
    pub(super) outside: OutsideLayer,
    pub(super) fixed: FixedLayer,
    pub(super) instance: InstanceLayer,
    pub(super) travel: TravelLayer,
    pub(super) tracking: TrackingLayer,
    pub(super) script: VrrpScriptLayer,
    pub(super) file: FileBlockLayer,
    pub(super) process: ProcessBlockLayer,
    pub(super) authentication: AuthenticationLayer,
    pub(super) notify: NotifyLayer,
    pub(super) group: SyncGroupLayer,
    pub(super) service: VirtualServerLayer,
    pub(super) service_timing: TimingLayer,
    pub(super) real: RealLayer,
    pub(super) real_timing: TimingLayer,
    pub(super) tcp: TcpCheckLayer,
    /// Whether the instance that is open follows the ability to serve, if a pragma says so.
    pub(super) follows_service: Option<bool>,
    /// The same of all that do not say it themselves.
    pub(super) all_follow_service: Option<bool>,
    /// `auth_hmac` of the instance that is open, if it has one, and its keys.
    pub(super) hmac: AuthHmacLayer,
    pub(super) has_hmac: bool,
    pub(super) hmac_keys: Vec<Key>,
    /// `virtual_router_id` of the instance that is open has a value that is none.
    pub(super) refused_vrid: bool,
    /// A keyword of unicast stands in the instance that is open.
    pub(super) unicast: bool,
    /// The address of the virtual server that is open.
    pub(super) service_address: Option<std::net::SocketAddr>,
    /// `TCP_CHECK`s of the real server that is open.
    pub(super) checks: Vec<(TcpCheckLayer, crate::source::Span)>,
    /// The address of that real server, and its `BFD_CHECK`s.
    pub(super) real_address: Option<std::net::SocketAddr>,
    pub(super) session_checks: Vec<super::bfd_check::SessionCheck>,
    /// The `BFD_CHECK` that is open, and whether its name has been refused.
    pub(super) bfd_check: BfdCheckLayer,
    pub(super) bfd_check_refused: bool,
    /// Sessions that checks may ask for.
    pub(super) checkable: Vec<String>,
    /// Real servers of the virtual server that is open.
    pub(super) reals: Vec<super::service::RealDraft>,
    /// Groups without members, of which 2.2 says so at the end.
    pub(super) empty_groups: Vec<(String, crate::source::Span)>,
    /// Instances, before they are judged together.
    pub(super) routers: Vec<RouterDraft>,
    /// Groups with their members' names.
    pub(super) groups: Vec<(Group, Vec<String>)>,
    /// Virtual servers that stand.
    pub(super) services: Vec<super::service::ServiceDraft>,
    /// The `garp_group` that is open with its interfaces, and those that are done.
    pub(super) garp: GarpBlockLayer,
    pub(super) garp_interfaces: Vec<String>,
    pub(super) garp_groups: Vec<GarpGroup>,
    /// It has one of the words for a distance, with one that can be.
    pub(super) garp_delayed: bool,
    /// How many `interfaces` blocks there were in all of them: by this keepalived numbers them.
    pub(super) garp_lists: usize,
    /// The `track_group` that is open.
    pub(super) track_group: TrackGroupLayer,
    /// How many `url` blocks there were.
    pub(super) urls: u32,
    /// The `bfd_instance` that is open; those that the VRRP process knows, and those that BFD's has read.
    pub(super) bfd: BfdInstanceLayer,
    pub(super) sessions: Vec<Session>,
    pub(super) bfd_known: Vec<Session>,
    /// What instances may track, with its weight.
    pub(super) bfd_names: Vec<(String, crate::ir::track::Weight)>,
    /// The session that is open has an address that is none.
    pub(super) bfd_malformed: bool,
    /// What can be tracked.
    pub(super) trackers: Trackers,
    /// It has been said that nobody is there to run scripts as.
    pub(super) no_default_user: bool,
    /// The user of the `vrrp_script` that is open does not exist.
    pub(super) watcher_removed: bool,
    /// `file` of the `track_file` that is open.
    pub(super) file_name: Option<String>,
    /// What the instance or group that is open tracks.
    pub(super) tracks: Vec<Track>,
    /// Scripts that are there; whether one of them is insecure.
    pub(super) scripts: Option<Option<String>>,
}

/// The row of a keyword in a block.
pub(super) fn row(context: C, keyword: &str) -> Option<&'static Row> {
    hint::rows().find(|row| row.contexts.contains(context) && row.keyword == keyword)
}

impl Draft {
    /// Writes one directive into the layer of the block it stands in.
    pub(super) fn set(&mut self, context: C, directive: &Directive, cx: &mut Cx) -> Result<(), Fault> {
        let done = match context {
            C::K_TOP => put::<tuning::Outside>(&mut self.outside, context, directive, cx)
                .or_else(|| put::<tuning::Fixed>(&mut self.fixed, context, directive, cx)),
            C::K_GLOBAL => put::<GlobalDefs>(&mut self.global, context, directive, cx)
                .or_else(|| put::<tuning::Speaking>(&mut self.speaking, context, directive, cx))
                .or_else(|| put::<tuning::Tuning>(&mut self.tuning, context, directive, cx)),
            C::K_INSTANCE => put::<instance::Instance>(&mut self.instance, context, directive, cx)
                .or_else(|| put::<speech::Travel>(&mut self.travel, context, directive, cx))
                .or_else(|| put::<tracking::Tracking>(&mut self.tracking, context, directive, cx))
                .or_else(|| put::<instance::Notify>(&mut self.notify, context, directive, cx)),
            C::K_SCRIPT => put::<tracking::VrrpScript>(&mut self.script, context, directive, cx),
            C::K_TRACK_FILE => put::<tracking::FileBlock>(&mut self.file, context, directive, cx),
            C::K_TRACK_PROCESS => put::<tracking::ProcessBlock>(&mut self.process, context, directive, cx),
            C::K_AUTHENTICATION => put::<instance::Authentication>(&mut self.authentication, context, directive, cx),
            C::K_AUTH_HMAC => put::<hmac::AuthHmac>(&mut self.hmac, context, directive, cx),
            C::K_GARP_GROUP => put::<groups::GarpBlock>(&mut self.garp, context, directive, cx),
            C::K_TRACK_GROUP => put::<groups::TrackGroup>(&mut self.track_group, context, directive, cx),
            C::K_BFD => put::<bfd::BfdInstance>(&mut self.bfd, context, directive, cx),
            C::K_SYNC_GROUP => put::<instance::SyncGroup>(&mut self.group, context, directive, cx)
                .or_else(|| put::<tracking::Tracking>(&mut self.tracking, context, directive, cx))
                .or_else(|| put::<instance::Notify>(&mut self.notify, context, directive, cx)),
            C::K_VIRTUAL_SERVER => put::<virtual_server::VirtualServer>(&mut self.service, context, directive, cx)
                .or_else(|| put::<virtual_server::Timing>(&mut self.service_timing, context, directive, cx)),
            C::K_REAL_SERVER => put::<virtual_server::Real>(&mut self.real, context, directive, cx)
                .or_else(|| put::<virtual_server::Timing>(&mut self.real_timing, context, directive, cx)),
            C::K_BFD_CHECK => put::<virtual_server::BfdCheck>(&mut self.bfd_check, context, directive, cx),
            C::K_TCP_CHECK => put::<virtual_server::TcpCheck>(&mut self.tcp, context, directive, cx),
            _ => None,
        };
        done.unwrap_or(Ok(()))
    }

    /// The model.
    pub(super) fn into_ir(mut self, machine: &dyn Machine) -> Ir {
        let mut routers = std::mem::take(&mut self.routers);
        for draft in &mut routers {
            draft.router.follows_service = draft.follows_service.or(self.all_follow_service).unwrap_or(true);
        }
        let links = linkbeats(&self.fixed, self.outside.linkbeat_use_polling.is_some(), &routers);
        let mut ir = Ir { global: Some(super::global::global(&self, machine)), ..Ir::default() };
        ir.routers = collect(routers.into_iter().filter(|router| router.stands).map(|router| router.router));
        ir.trackers = Trackers { sessions: self.sessions, links, ..self.trackers };
        ir.fixed = super::vrrp::fixed(&self.fixed, &self.speaking);
        ir.services = collect(self.services.into_iter().map(|draft| draft.service));
        for (mut group, names) in self.groups {
            let id = Id::new(ir.groups.len());
            for router in ids(&ir.routers, &names) {
                ir.routers[router].group = Some(id);
                group.members.push(router);
            }
            ir.groups.push(group);
        }
        ir
    }
}

/// The interfaces that are asked for their link: those that are listed, and those of instances that poll, or of all.
fn linkbeats(fixed: &tuning::FixedLayer, all: bool, routers: &[RouterDraft]) -> Vec<Linkbeat> {
    let mut beats: Vec<Linkbeat> =
        fixed.linkbeat_interfaces.iter().flat_map(|field| &field.value).map(|line| line.0.clone()).collect();
    for draft in routers.iter().filter(|draft| all || draft.polls) {
        let interface = draft.router.interface.clone();
        if !beats.iter().any(|beat| beat.interface == interface) {
            beats.push(Linkbeat { interface, how: None });
        }
    }
    beats
}

fn put<M: Module>(layer: &mut M::Layer, context: C, directive: &Directive, cx: &mut Cx) -> Option<Result<(), Fault>> {
    let here = |row: &Row| row.contexts.contains(context) && directive.name.is(row.keyword);
    let index = M::ROWS.iter().position(here)?;
    Some(M::set(layer, index, directive, cx))
}

fn collect<T>(items: impl Iterator<Item = T>) -> Arena<T> {
    let mut arena = Arena::default();
    for item in items {
        arena.push(item);
    }
    arena
}

/// The instances of these names, each once.
fn ids(routers: &Arena<Router>, names: &[String]) -> Vec<Id<Router>> {
    let free = routers.iter().filter(|(_, router)| router.group.is_none());
    free.filter(|(_, router)| names.contains(&router.name)).map(|(id, _)| id).collect()
}
