//! `global_defs`.

use std::net::SocketAddr;
use std::time::Duration;

use crate::ir::vrrp::Script;

/// `global_defs`, ready for use: what the rows wrote, with keepalived's defaults.
#[derive(Clone, Debug, Default)]
pub struct Global {
    /// `router_id`; the host name unless said.
    pub router_id: String,
    /// `notification_email`
    pub email_to: Vec<String>,
    /// `notification_email_from`
    pub email_from: Option<String>,
    /// `smtp_server` as written; resolved when a mail goes out, so that a name server that is away loses nothing.
    pub smtp_server: Option<SmtpServer>,
    /// `smtp_helo_name`; the host name unless said.
    pub smtp_helo_name: Option<String>,
    /// `smtp_connect_timeout`, 30 s unless said.
    pub smtp_connect_timeout: Duration,
    /// `smtp_alert` for everything that does not say otherwise.
    pub smtp_alert: Option<bool>,
    /// `script_user`
    pub script_user: Option<(String, Option<String>)>,
    /// `enable_script_security`
    pub script_security: bool,
    /// `lvs_sync_daemon`, `notify_fifo`, … that run scripts at start and stop.
    pub startup_script: Option<Script>,
    /// `shutdown_script`
    pub shutdown_script: Option<Script>,
    /// `vrrp_startup_delay`
    pub vrrp_startup_delay: Duration,
    /// `vrrp_mcast_group4`, 224.0.0.18 unless said.
    pub mcast_group4: Option<SocketAddr>,
}

/// `smtp_server NAME [PORT]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// 25 unless said.
    pub port: u16,
}
