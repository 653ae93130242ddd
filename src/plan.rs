//! The IR cut into what each engine needs. Pure.

use std::path::PathBuf;

use rkeep_parsers::ir::{Arena, Ir, cache, charset, expr, geo, http, limit, map, pool, service, tls, track, vrrp};
use rkeep_parsers::keepalived::Global;
use rkeep_parsers::nginx::Main;
use rkeep_parsers::table::Compat;
use serde::{Deserialize, Serialize};

use crate::bus::Fact;

/// What the proxy needs.
#[derive(Clone, Debug, Default)]
pub struct ProxyPlan {
    /// Which release's habits hold where no directive says so.
    pub compat: Compat,
    /// What relative paths made by requests are below.
    pub prefix: PathBuf,
    /// The main context.
    pub main: Main,
    /// Listening sockets.
    pub listeners: Arena<http::Listener>,
    /// Servers.
    pub servers: Arena<http::Server>,
    /// Locations.
    pub locations: Arena<http::Location>,
    /// Upstreams.
    pub pools: Arena<pool::Pool>,
    /// Log formats.
    pub formats: Arena<http::LogFormat>,
    /// `map`s.
    pub maps: Arena<map::Map>,
    /// `geo`s.
    pub geos: Vec<geo::Geo>,
    /// `split_clients`.
    pub splits: Vec<geo::Split>,
    /// Zones of `limit_req` and `limit_conn`.
    pub limit_zones: Vec<limit::LimitZone>,
    /// Caches.
    pub caches: Vec<cache::CachePath>,
    /// `charset_map`s.
    pub charset_maps: Vec<charset::CharsetMap>,
    /// Certificates and keys.
    pub tls_files: tls::Files,
    /// Variables.
    pub variables: expr::Variables,
}

/// What the VRRP speaker needs.
#[derive(Clone, Debug, Default)]
pub struct VrrpPlan {
    /// `global_defs`.
    pub global: Global,
    /// Instances.
    pub routers: Arena<vrrp::Router>,
    /// Sync groups.
    pub groups: Arena<vrrp::Group>,
    /// What instances can track.
    pub trackers: track::Trackers,
    /// What is set as long as it runs.
    pub fixed: vrrp::Fixed,
    /// What a process that died has left to this one.
    pub legacy: VrrpLegacy,
}

/// The instances that were master when the VRRP process before this one died.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VrrpLegacy {
    /// They take up as master at once, their addresses never leaving the interface.
    pub take_up: Vec<String>,
    /// They say good-bye at once: the process dies again and again.
    pub resign: Vec<String>,
    /// A keepalived that still runs: this one takes its place.
    pub predecessor: Option<Predecessor>,
}

/// A keepalived that still runs, as process ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predecessor {
    /// Its parent process.
    pub parent: i32,
    /// Its VRRP process.
    pub speaker: i32,
}

/// What the checkers and the balancing of virtual servers need.
#[derive(Clone, Debug, Default)]
pub struct CheckPlan {
    /// `global_defs`.
    pub global: Global,
    /// Virtual servers.
    pub services: Arena<service::Service>,
    /// What a process that died has said of them.
    pub said: Vec<Fact>,
}

/// What the agent needs: it sends mail and runs scripts for what the other roles report.
#[derive(Clone, Debug, Default)]
pub struct AgentPlan {
    /// `global_defs`.
    pub global: Global,
    /// Instances, for `smtp_alert` and `notify…`.
    pub routers: Arena<vrrp::Router>,
    /// Sync groups, for the same.
    pub groups: Arena<vrrp::Group>,
    /// What instances can track: the agent looks at it.
    pub trackers: track::Trackers,
    /// Virtual servers, for the same.
    pub services: Arena<service::Service>,
}

/// All plans of one configuration.
#[derive(Clone, Debug, Default)]
pub struct Plans {
    /// The proxy's.
    pub proxy: ProxyPlan,
    /// The VRRP speaker's.
    pub vrrp: VrrpPlan,
    /// The checkers'.
    pub check: CheckPlan,
    /// The agent's.
    pub agent: AgentPlan,
}

/// Cuts an IR.
pub fn cut(ir: Ir) -> Plans {
    let global = ir.global.unwrap_or_default();
    let agent = AgentPlan {
        global: global.clone(),
        routers: ir.routers.clone(),
        groups: ir.groups.clone(),
        trackers: ir.trackers.clone(),
        services: ir.services.clone(),
    };
    Plans {
        proxy: ProxyPlan {
            compat: ir.compat,
            prefix: ir.prefix,
            main: ir.process.unwrap_or_default(),
            listeners: ir.listeners,
            servers: ir.servers,
            locations: ir.locations,
            pools: ir.pools,
            formats: ir.formats,
            maps: ir.maps,
            geos: ir.geos,
            splits: ir.splits,
            limit_zones: ir.limit_zones,
            caches: ir.caches,
            charset_maps: ir.charset_maps,
            tls_files: ir.tls_files,
            variables: ir.variables,
        },
        vrrp: VrrpPlan {
            global: global.clone(),
            routers: ir.routers,
            groups: ir.groups,
            trackers: ir.trackers,
            fixed: ir.fixed,
            legacy: VrrpLegacy::default(),
        },
        check: CheckPlan { global, services: ir.services, said: Vec::new() },
        agent,
    }
}
