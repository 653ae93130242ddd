//! nginx's modules: one file each, holding its rows.

pub mod access;
pub mod addition;
pub mod auth_basic;
pub mod auth_request;
pub mod autoindex;
pub mod blocks;
pub mod charset;
pub mod core;
pub mod events;
pub mod groups;
pub mod gunzip;
pub mod gzip;
pub mod headers;
pub mod http2;
pub mod http_core;
pub mod index;
pub mod limit_conn;
pub mod limit_req;
pub mod log;
pub mod manual;
pub mod mirror;
pub mod proxy;
pub mod proxy_ssl;
pub mod realip;
pub mod referer;
pub mod rewrite;
pub mod server;
pub mod ssi;
pub mod ssl;
pub mod sub;
pub mod unbuilt;
pub mod upstream;

pub use access::Access;
pub use addition::Addition;
pub use auth_basic::AuthBasic;
pub use auth_request::AuthRequest;
pub use autoindex::Autoindex;
pub use charset::Charset;
pub use core::CoreMain;
pub use events::Events;
pub use groups::{
    LocationConf, LocationLayers, LocationLevel, Main, MainLayers, MainLevel, ServerConf, ServerLayers, ServerLevel,
};
pub use gunzip::{Gunzip, GzipStaticConf};
pub use gzip::Gzip;
pub use headers::Headers;
pub use http_core::HttpCore;
pub use http2::{Http2, Http2Answer};
pub use index::Index;
pub use limit_conn::LimitConn;
pub use limit_req::LimitReq;
pub use log::HttpLog;
pub use mirror::Mirror;
pub use proxy::Proxy;
pub use proxy_ssl::ProxySsl;
pub use realip::RealIp;
pub use referer::Referer;
pub use rewrite::Rewrite;
pub use server::HttpServer;
pub use ssi::Ssi;
pub use ssl::Ssl;
pub use sub::Sub;
pub use upstream::{UpstreamKeepalive, UpstreamKeepaliveLayer};

pub use crate::lower::nginx::{Layout, Setup, load};
