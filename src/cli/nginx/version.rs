//! What `-v`, `-V` and `-h` print. `-V` is honest: programs read it to know what is built in.

use crate::NGINX_VERSION;
use crate::host::nginx::layout::Layout;

/// Modules nginx builds unless told not to, that rkeep lacks.
const WITHOUT: &[&str] = &[
    "http_ssi",
    "http_userid",
    "http_auth_basic",
    "http_mirror",
    "http_autoindex",
    "http_geo",
    "http_split_clients",
    "http_referer",
    "http_fastcgi",
    "http_uwsgi",
    "http_scgi",
    "http_grpc",
    "http_memcached",
    "http_limit_conn",
    "http_limit_req",
    "http_browser",
    "http_tunnel",
    "http_upstream_least_time",
    "http_upstream_sticky",
];

/// Modules nginx builds when told to, that rkeep has.
const WITH: &[&str] = &["http_stub_status"];

/// The line of `-v`.
pub fn short() -> String {
    format!("nginx version: nginx/{NGINX_VERSION} (rkeep {})\n", env!("CARGO_PKG_VERSION"))
}

/// The lines that `-V` adds.
pub fn configure(layout: &Layout) -> String {
    let mut line = format!("configure arguments: --prefix={}", layout.prefix);
    if layout.conf.starts_with('/') {
        line += &format!(
            " --conf-path={} --http-log-path={} --error-log-path={} --pid-path={} \
             --http-client-body-temp-path={} --http-proxy-temp-path={}",
            layout.conf, layout.access_log, layout.error_log, layout.pid, layout.client_body, layout.proxy
        );
    }
    for module in WITH {
        line += &format!(" --with-{module}_module");
    }
    for module in WITHOUT {
        line += &format!(" --without-{module}_module");
    }
    line + " --without-http-cache\n"
}

/// The options of the command line, each with what it does.
pub fn options(layout: &Layout) -> [(&'static str, String); 11] {
    [
        ("-?,-h", "this help".to_owned()),
        ("-v", "show version and exit".to_owned()),
        ("-V", "show version and configure options then exit".to_owned()),
        ("-t", "test configuration and exit".to_owned()),
        ("-T", "test configuration, dump it and exit".to_owned()),
        ("-q", "suppress non-error messages during configuration testing".to_owned()),
        ("-s signal", "send signal to a master process: stop, quit, reopen, reload".to_owned()),
        ("-p prefix", format!("set prefix path (default: {}/)", layout.prefix)),
        ("-e filename", format!("set error log file (default: {})", layout.error_log)),
        ("-c filename", format!("set configuration file (default: {})", layout.conf)),
        ("-g directives", "set global directives out of configuration file".to_owned()),
    ]
}

/// The lines that `-h` adds.
pub fn usage(layout: &Layout) -> String {
    let options: String = options(layout).iter().map(|(option, text)| format!("  {option:<14}: {text}\n")).collect();
    format!(
        "Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
{options}
"
    )
}
