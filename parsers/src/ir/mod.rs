//! The one model both files become. Items live in arenas and name each other by typed ids; every item keeps the
//! place it came from. Effective directive values are the module structs of [`crate::nginx`] and
//! [`crate::keepalived`] themselves: what the table merged is what the engines read.

pub mod arena;
pub mod bfd;
pub mod cache;
pub mod charset;
pub mod expr;
pub mod geo;
pub mod hmac;
pub mod http;
pub mod limit;
pub mod map;
pub mod pool;
pub mod regex;
pub mod route;
pub mod service;
pub mod tls;
pub mod track;
pub mod vrrp;

pub use arena::{Arena, Id};

use std::path::PathBuf;

use crate::keepalived::Global;
use crate::nginx::Main;
use crate::table::Compat;

/// Everything the engines need to know, from either or both files.
#[derive(Clone, Debug, Default)]
pub struct Ir {
    /// Whose defaults and habits hold.
    pub compat: Compat,
    /// What nginx's relative paths are below.
    pub prefix: PathBuf,
    /// nginx's main context; none when no nginx.conf was read.
    pub process: Option<Main>,
    /// Sockets nginx listens on, with the servers behind each.
    pub listeners: Arena<http::Listener>,
    /// nginx's `server` blocks of `http`.
    pub servers: Arena<http::Server>,
    /// nginx's locations, `if` blocks and `limit_except` blocks, and each server's own level.
    pub locations: Arena<http::Location>,
    /// nginx's upstreams, written or implied by a `proxy_pass`.
    pub pools: Arena<pool::Pool>,
    /// nginx's `log_format`s; the first is `combined`.
    pub formats: Arena<http::LogFormat>,
    /// nginx's `map`s; their variables are [`expr::Var::User`]s.
    pub maps: Arena<map::Map>,
    /// nginx's `geo`s.
    pub geos: Vec<geo::Geo>,
    /// nginx's `split_clients`.
    pub splits: Vec<geo::Split>,
    /// nginx's zones that count requests and connections.
    pub limit_zones: Vec<limit::LimitZone>,
    /// nginx's caches.
    pub caches: Vec<cache::CachePath>,
    /// nginx's `charset_map`s.
    pub charset_maps: Vec<charset::CharsetMap>,
    /// Certificates and keys that nginx.conf names.
    pub tls_files: tls::Files,
    /// Names and kinds of all variables that the expressions use.
    pub variables: expr::Variables,
    /// keepalived's `global_defs`; none when no keepalived.conf was read.
    pub global: Option<Global>,
    /// keepalived's `vrrp_instance`s.
    pub routers: Arena<vrrp::Router>,
    /// keepalived's `vrrp_sync_group`s.
    pub groups: Arena<vrrp::Group>,
    /// keepalived's `virtual_server`s with their real servers.
    pub services: Arena<service::Service>,
    /// keepalived's addresses, routes and rules that are set as long as it runs.
    pub fixed: vrrp::Fixed,
    /// What keepalived's instances can track.
    pub trackers: track::Trackers,
}

impl Ir {
    /// The scripts that keepalived runs: for `notify…` and `vrrp_script`.
    pub fn scripts(&self) -> impl Iterator<Item = &vrrp::Script> {
        self.notify_scripts().chain(self.trackers.scripts.iter().map(|script| &script.script))
    }

    /// The scripts of `notify…`, in instances and groups.
    pub fn notify_scripts(&self) -> impl Iterator<Item = &vrrp::Script> {
        let routers = self.routers.values().map(|router| &router.notify);
        let groups = self.groups.values().map(|group| &group.notify);
        routers.chain(groups).flat_map(vrrp::NotifyScripts::all)
    }
}
