//! What the data dumps of keepalived's processes share: the file, and the section about `global_defs`.

use std::fmt::{self, Write as _};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;

use rkeep_parsers::keepalived::Global;
use tracing::info;

/// Where adverts go unless `vrrp_mcast_group4` says otherwise.
const MULTICAST: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

/// Writes a dump for its owner only, or says why not. The file is always a new one: a link that somebody planted in its
/// place is replaced, not followed.
pub fn write(path: &str, text: &str) {
    if let Err(error) = replace(path, text) {
        info!("Can't open {path} ({error})");
    }
}

fn replace(path: &str, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}

/// The first section of each dump.
///
/// # Errors
/// Those of `out`.
pub fn globals(out: &mut String, global: &Global) -> fmt::Result {
    writeln!(out, "------< Global definitions >------")?;
    writeln!(out, " Router ID = {}", global.router_id)?;
    if let Some(server) = &global.smtp_server {
        writeln!(out, " Smtp server = {}\n Smtp server port = {}", server.host, server.port)?;
    }
    if let Some(name) = &global.smtp_helo_name {
        writeln!(out, " Smtp HELO name = {name}")?;
    }
    writeln!(out, " Smtp server connection timeout = {}", global.smtp_connect_timeout.as_secs())?;
    if let Some(from) = &global.email_from {
        writeln!(out, " Email notification from = {from}")?;
    }
    if !global.email_to.is_empty() {
        writeln!(out, " Email notification to:")?;
        global.email_to.iter().try_for_each(|to| writeln!(out, "   {to}"))?;
    }
    let alert = global.smtp_alert.map_or("unset", |on| if on { "on" } else { "off" });
    writeln!(out, " Default smtp_alert = {alert}")?;
    writeln!(out, " VRRP IPv4 mcast group = {}", global.mcast_group4.unwrap_or(MULTICAST))?;
    writeln!(out, " Script security {}", if global.script_security { "enabled" } else { "disabled" })?;
    writeln!(out, " no_checker_emails = {}", u8::from(global.no_checker_emails))
}
