//! What `-v`, `-V` and `-h` print. `-V` is honest: programs read it to know what is built in.

use rkeep_parsers::nginx::manual;

use crate::NGINX_VERSION;
use crate::host::nginx::layout::Layout;

/// Modules nginx builds unless told not to.
const USUAL: &[&str] = &[
    "http_charset",
    "http_gzip",
    "http_ssi",
    "http_userid",
    "http_access",
    "http_auth_basic",
    "http_mirror",
    "http_autoindex",
    "http_geo",
    "http_map",
    "http_split_clients",
    "http_referer",
    "http_rewrite",
    "http_proxy",
    "http_fastcgi",
    "http_uwsgi",
    "http_scgi",
    "http_grpc",
    "http_memcached",
    "http_limit_conn",
    "http_limit_req",
    "http_empty_gif",
    "http_browser",
    "http_tunnel",
    "http_upstream_hash",
    "http_upstream_ip_hash",
    "http_upstream_least_conn",
    "http_upstream_least_time",
    "http_upstream_random",
    "http_upstream_keepalive",
    "http_upstream_zone",
    "http_upstream_sticky",
];

/// Modules nginx builds when told to.
const OPTIONAL: &[&str] = &[
    "http_ssl",
    "http_v2",
    "http_v3",
    "http_realip",
    "http_addition",
    "http_xslt",
    "http_image_filter",
    "http_geoip",
    "http_sub",
    "http_dav",
    "http_flv",
    "http_mp4",
    "http_gunzip",
    "http_gzip_static",
    "http_auth_request",
    "http_random_index",
    "http_secure_link",
    "http_degradation",
    "http_slice",
    "http_stub_status",
];

/// The line of `-v`.
pub fn short() -> String {
    format!("nginx version: nginx/{NGINX_VERSION} (rkeep {})\n", env!("CARGO_PKG_VERSION"))
}

/// The lines that `-V` adds.
pub fn configure(layout: &Layout) -> String {
    // The library that is really in it, without words that others look for, as OpenSSL's name and version.
    let tls = "built with rustls\nTLS SNI support enabled\n";
    let build = env!("CARGO_PKG_VERSION");
    // It is what the version has in brackets, and `server_tokens build` says.
    let mut line = format!("{tls}configure arguments: --build='rkeep {build}' --prefix={}", layout.prefix);
    if layout.conf.starts_with('/') {
        line += &format!(
            " --conf-path={} --http-log-path={} --error-log-path={} --pid-path={} \
             --http-client-body-temp-path={} --http-proxy-temp-path={}",
            layout.conf, layout.access_log, layout.error_log, layout.pid, layout.client_body, layout.proxy
        );
        for other in ["fastcgi", "uwsgi", "scgi"] {
            line += &format!(" --http-{other}-temp-path={}", layout.proxy.replace("proxy", other));
        }
    }
    line += " --with-debug";
    for module in OPTIONAL.iter().filter(|module| has(module)) {
        line += &format!(" --with-{module}_module");
    }
    for module in USUAL.iter().filter(|module| !has(module)) {
        line += &format!(" --without-{module}_module");
    }
    if !manual::works(|row| row.keyword == "proxy_cache") {
        line += " --without-http-cache";
    }
    line + "\n"
}

/// Whether a directive of a module works: the rows tell. Filters have it in their module's name, but not here.
fn has(module: &str) -> bool {
    let names = [format!("ngx_{module}_module"), format!("ngx_{module}_filter_module")];
    manual::works(|row| names.iter().any(|name| name == row.module))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_told_as_the_rows_have_them() {
        assert!(has("http_proxy") && has("http_gzip") && has("http_stub_status"));
        assert!(!has("http_perl") && !has("http_xslt"));
        let line = configure(&crate::host::nginx::layout::PLAIN);
        assert!(!line.contains("--without-http_proxy_module") && line.contains("--without-http_tunnel_module"));
        assert!(!line.contains("OpenSSL") && !line.contains("AWS-LC"));
    }

    #[test]
    fn every_usual_module_that_does_not_work_is_told() {
        let line = configure(&crate::host::nginx::layout::PLAIN);
        for module in USUAL {
            assert_ne!(has(module), line.contains(&format!("--without-{module}_module")), "{module}");
        }
    }
}
