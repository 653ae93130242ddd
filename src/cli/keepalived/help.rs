//! What `-v` and `-h` print, in rkeep's own words; the first line of `-v` has the form that programs read.

use crate::KEEPALIVED_VERSION;

/// The text of `-v`.
pub fn version() -> String {
    let uname = rustix::system::uname();
    let shown = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    format!(
        "Keepalived v{KEEPALIVED_VERSION} (rkeep {})\n\nRunning on {} {} {}\n\nConfig options:  LVS VRRP VRRP_AUTH\n",
        env!("CARGO_PKG_VERSION"),
        shown(uname.sysname()),
        shown(uname.release()),
        shown(uname.version())
    )
}

/// The options, each with what it does.
pub const OPTIONS: &[(&str, &str)] = &[
    ("-f, --use-file=FILE", "read this file (a pattern may name several); else /etc/keepalived/keepalived.conf"),
    ("-t, --config-test[=FILE]", "read the configuration, say what is wrong with it (to FILE), and exit"),
    ("-P, --vrrp", "run only the VRRP speaker"),
    ("-C, --check", "run only the checkers"),
    ("--all", "run both, whatever is configured"),
    ("-n, --dont-fork", "stay in the foreground"),
    ("-l, --log-console", "log to standard error too"),
    ("-D, --log-detail", "log more"),
    ("-S, --log-facility=NAME", "syslog facility: 0 to 7 or local0 to local7, user, daemon"),
    ("-G, --no-syslog", "log nothing to syslog"),
    ("-u, --umask=MASK", "umask for the files that are created"),
    ("-V, --dont-release-vrrp", "leave virtual addresses in place when stopping"),
    ("-I, --dont-release-ipvs", "leave virtual services in place when stopping"),
    ("-R, --dont-respawn", "end when a child process dies"),
    ("-d, --dump-conf", "log the configuration"),
    ("-p, --pid=FILE", "the parent's pid file"),
    ("-r, --vrrp_pid=FILE", "the VRRP speaker's pid file"),
    ("-c, --checkers_pid=FILE", "the checkers' pid file"),
    ("-i, --config-id=ID", "keep lines that begin with @ID; else the node's name"),
    ("--ignore-sigint", "let SIGINT pass"),
    ("--no-follow-service", "keep addresses where nobody serves them (rkeep only)"),
    ("--take-over=PID", "take the place of the keepalived that runs as PID; its addresses stay where they are"),
    ("--signum=NAME", "print the signal for STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON"),
    ("-v, --version", "print the version"),
    ("-h, --help", "print this"),
];

/// The text of `-h`.
pub fn usage() -> String {
    let line = |(option, text): &(&str, &str)| {
        // An option without a letter stands under the long names of the others.
        let indent = if option.starts_with("--") { "    " } else { "" };
        format!("  {:<27}{text}\n", format!("{indent}{option}"))
    };
    let options: String = OPTIONS.iter().map(line).collect();
    format!("Usage: keepalived [OPTION...]\n{options}")
}
