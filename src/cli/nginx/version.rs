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

/// The lines that `-h` adds.
pub fn usage(layout: &Layout) -> String {
    format!(
        "Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: {}/)
  -e filename   : set error log file (default: {})
  -c filename   : set configuration file (default: {})
  -g directives : set global directives out of configuration file

",
        layout.prefix, layout.error_log, layout.conf
    )
}
