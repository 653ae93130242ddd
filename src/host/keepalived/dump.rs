//! The parent's data dump (SIGUSR1): what it has read of `global_defs`, in keepalived's form, its children, and what is
//! known of the cluster.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;

use rkeep_parsers::keepalived::Global;
use tracing::info;

use super::children::{Child, name};
use crate::bus::store::Store;

/// Where it goes.
const FILE: &str = "/tmp/keepalived_parent.data";

/// Writes the dump.
pub fn write(global: &Global, children: &[Child], store: &Store) {
    let text = text(global, children, store);
    // Whoever could have put a link there would have it followed.
    let flags = rustix::fs::OFlags::NOFOLLOW.bits() as i32;
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).custom_flags(flags).open(FILE);
    if let Err(cause) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
        info!("Can't open {FILE} ({cause})");
    }
}

fn text(global: &Global, children: &[Child], store: &Store) -> String {
    let mut out = String::from("------< Global definitions >------\n");
    let _ = writeln!(out, " Router ID = {}", global.router_id);
    if let Some(server) = &global.smtp_server {
        let _ = writeln!(out, " Smtp server = {}\n Smtp server port = {}", server.host, server.port);
    }
    if let Some(name) = &global.smtp_helo_name {
        let _ = writeln!(out, " Smtp HELO name = {name}");
    }
    let _ = writeln!(out, " Smtp server connection timeout = {}", global.smtp_connect_timeout.as_secs());
    if let Some(from) = &global.email_from {
        let _ = writeln!(out, " Email notification from = {from}");
    }
    if !global.email_to.is_empty() {
        out += " Email notification to:\n";
        global.email_to.iter().for_each(|to| out += &format!("   {to}\n"));
    }
    out += "------< Processes >------\n";
    for child in children {
        let _ = writeln!(out, " {} = {}", name(child.role), child.pid);
    }
    out += "------< Facts >------\n";
    for fact in store.snapshot() {
        let _ = writeln!(out, " {:?} = {:?} ({})", fact.subject, fact.verdict, fact.cause.kind);
    }
    out
}
