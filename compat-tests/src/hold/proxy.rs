//! The proxies, and how they are told the same.

use super::TEMP;

/// Where clients come.
pub const PORT: u16 = 8080;
/// Where the backend answers.
pub const BACKEND_PORT: u16 = 9000;
/// Where it never does.
pub const SILENT_PORT: u16 = 9001;

/// One of them.
#[derive(Debug)]
pub struct Proxy {
    /// What the table calls it.
    pub name: &'static str,
    /// What its processes are called.
    pub process: &'static str,
    /// Its configuration file.
    pub file: &'static str,
    /// How it is started.
    pub command: &'static [&'static str],
    /// What the file holds.
    pub conf: fn() -> String,
}

/// All, in the order of the table.
pub const PROXIES: [Proxy; 3] = [
    Proxy {
        name: "nginx",
        process: "nginx",
        file: "/run/nginx.conf",
        command: &["/usr/sbin/nginx", "-e", "stderr", "-c", "/run/nginx.conf"],
        conf: nginx,
    },
    Proxy {
        name: "rkeep",
        process: "nginx",
        file: "/run/nginx.conf",
        command: &["/usr/local/sbin/rkeep", "nginx", "-e", "stderr", "-c", "/run/nginx.conf"],
        conf: nginx,
    },
    Proxy {
        name: "haproxy",
        process: "haproxy",
        file: "/run/haproxy.cfg",
        command: &["/usr/sbin/haproxy", "-W", "-f", "/run/haproxy.cfg"],
        conf: haproxy,
    },
];

fn nginx() -> String {
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {TEMP}/{kind};\n"))
        .concat();
    format!(
        "user root root;
worker_processes 1;
worker_rlimit_nofile 60000;
daemon off;
pid /run/nginx.pid;
error_log stderr error;
events {{ worker_connections 50000; }}
http {{
    access_log off;
    keepalive_timeout 600s;
    proxy_read_timeout 600s;
    send_timeout 600s;
    proxy_max_temp_file_size 64k;
    proxy_temp_file_write_size 16k;
{temp}    server {{
        listen 127.0.0.1:{PORT};
        location / {{ proxy_pass http://127.0.0.1:{BACKEND_PORT}; }}
        location /silent {{ proxy_pass http://127.0.0.1:{SILENT_PORT}; }}
    }}
}}
"
    )
}

fn haproxy() -> String {
    format!(
        "global
    nbthread 1
    maxconn 9600
defaults
    mode http
    timeout connect 5s
    timeout client 600s
    timeout http-keep-alive 600s
    timeout server 600s
listen all
    bind 127.0.0.1:{PORT}
    use-server silent if {{ path_beg /silent }}
    server answering 127.0.0.1:{BACKEND_PORT}
    server silent 127.0.0.1:{SILENT_PORT} weight 0
"
    )
}
