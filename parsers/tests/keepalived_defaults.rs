//! What the tables call a keyword's default: a file that says so means what one means that says nothing.
#![allow(clippy::expect_used, reason = "a helper of a test stops the test")]

use std::path::Path;

use rkeep_parsers::keepalived::{AnyMachine, Mode, hint, load};
use rkeep_parsers::source::MapLoader;
use rkeep_parsers::table::{Contexts, Status};

/// A file with every block that has defaults; `%` and the block's name is where a line goes.
const FILE: &str = "\
global_defs {
  router_id A
  %global_defs
}
vrrp_script S {
  script /bin/true
  %vrrp_script
}
track_file F {
  file /run/f
  %track_file
}
vrrp_track_process P {
  process p
  %vrrp_track_process
}
vrrp_instance I {
  interface eth0
  virtual_router_id 7
  track_script {
    S
  }
  track_file {
    F
  }
  track_process {
    P
  }
  %vrrp_instance
  virtual_ipaddress {
    10.0.0.9
  }
}
virtual_server 10.0.0.9 80 {
  %virtual_server
  real_server 10.0.0.1 80 {
    %real_server
    TCP_CHECK {
      %TCP_CHECK
    }
  }
}
";

const BLOCKS: [(&str, Contexts); 8] = [
    ("global_defs", Contexts::K_GLOBAL),
    ("vrrp_script", Contexts::K_SCRIPT),
    ("track_file", Contexts::K_TRACK_FILE),
    ("vrrp_track_process", Contexts::K_TRACK_PROCESS),
    ("vrrp_instance", Contexts::K_INSTANCE),
    ("virtual_server", Contexts::K_VIRTUAL_SERVER),
    ("real_server", Contexts::K_REAL_SERVER),
    ("TCP_CHECK", Contexts::K_TCP_CHECK),
];

/// Kept as they are written, and filled in by those who use them.
const FILLED_LATER: [&str; 3] = ["vrrp_mcast_group4", "vrrp_mcast_group6", "protocol"];

/// What a file means, without the places where it says so.
fn meaning(block: &str, line: &str) -> String {
    let lines = FILE.lines().filter_map(|known| match known.trim().strip_prefix('%') {
        None => Some(known.to_owned()),
        Some(place) => (place == block).then(|| line.to_owned()),
    });
    let text: String = lines.map(|line| line + "\n").collect();
    let loader = MapLoader::default().file("k.conf", text);
    let loaded = load(Path::new("k.conf"), "box", &loader, &AnyMachine, Mode::Check { own: false });
    let shown = format!("{:?}", loaded.ir.expect("it loads"));
    let mut parts = shown.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once('}').map_or(part, |(_, rest)| rest))
}

#[test]
fn saying_the_default_changes_nothing() {
    let (mut told, mut wrong) = (0, Vec::new());
    for (block, context) in BLOCKS {
        let silent = meaning(block, "");
        let rows =
            hint::rows().filter(|row| row.contexts.contains(context) && !matches!(row.status, Status::Ignored(_)));
        for (row, default) in rows.filter_map(|row| Some((row, row.default?))) {
            told += 1;
            if !FILLED_LATER.contains(&row.keyword) && meaning(block, &format!("{} {default}", row.keyword)) != silent {
                wrong.push(format!("{block}: {} {default}", row.keyword));
            }
        }
    }
    assert!(told > 30, "{told}");
    assert_eq!(wrong, [""; 0]);
}
