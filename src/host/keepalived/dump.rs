//! The parent's data dump (SIGUSR1): what it has read of `global_defs`, in keepalived's form, its children, and what is
//! known of the cluster.

use std::fmt::Write as _;

use rkeep_parsers::keepalived::Global;

use super::children::{Child, name};
use crate::bus::store::Store;
use crate::log::dump;

/// Where it goes.
const FILE: &str = "/tmp/keepalived_parent.data";

/// Writes the dump.
pub fn write(global: &Global, children: &[Child], store: &Store) {
    dump::write(FILE, &text(global, children, store));
}

fn text(global: &Global, children: &[Child], store: &Store) -> String {
    let mut out = String::new();
    // Writing into a String does not fail.
    let _ = dump::globals(&mut out, global);
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
