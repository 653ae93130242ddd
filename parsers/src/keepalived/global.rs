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
    /// `notify_fifo`, `notify_fifo_script`: all lines.
    pub notify_fifo: Option<Fifo>,
    /// `vrrp_notify_fifo`, `vrrp_notify_fifo_script`
    pub vrrp_notify_fifo: Option<Fifo>,
    /// `lvs_notify_fifo`, `lvs_notify_fifo_script`
    pub lvs_notify_fifo: Option<Fifo>,
    /// `no_email_faults`
    pub no_email_faults: bool,
    /// `no_checker_emails`: no mail about a check that does not change its real server.
    pub no_checker_emails: bool,
    /// `vrrp_mcast_group4`, 224.0.0.18 unless said.
    pub mcast_group4: Option<SocketAddr>,
}

/// A FIFO that gets lines of state, and the script that reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fifo {
    /// Where; made unless it is there.
    pub path: String,
    /// Whose it is when it is made.
    pub user: Option<(String, Option<String>)>,
    /// Started with the path as its last argument.
    pub script: Option<Script>,
}

/// `smtp_server NAME [PORT]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// 25 unless said.
    pub port: u16,
}
