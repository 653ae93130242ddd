//! curl against HTTP/2 in front and behind: over TLS and by prior knowledge, to backends by `proxy_http_version 2` and
//! `grpc_pass`. The same rows hold for nginx, where `NGINX_BIN` names one of 1.29.4 or later.

#![allow(clippy::expect_used, reason = "a test says what is wrong by panicking")]
use std::path::{Path, PathBuf};
use std::process::Command;

use rkeep_compat_tests::proxy::{Proxy, free_port};

/// What curl is called with after `-s`, and what it prints. `TLS`, `PLAIN` and `BARE` stand for the servers; `DIR` is where
/// the files are.
const ROWS: &[(&str, &str)] = &[
    ("-k --http2 https://TLS/ -w %{http_version}", "HTTP/2.0 GET - NONE\n2"),
    ("-k --http1.1 https://TLS/ -w %{http_version}", "HTTP/1.1 GET - NONE\n1.1"),
    ("-k --http2 --cert DIR/cert.pem --key DIR/key.pem https://TLS/", "HTTP/2.0 GET - SUCCESS\n"),
    ("-k --http2 -X POST -d hello https://TLS/body", "hello\n"),
    ("--http2-prior-knowledge http://PLAIN/ -w %{http_version}", "HTTP/2.0 GET - -\n2"),
    ("http://PLAIN/ -w %{http_version}", "HTTP/1.1 GET - -\n1.1"),
    ("http://BARE/v2/", "HTTP/2.0 GET - -\n"),
    ("http://BARE/v2tls/", "HTTP/2.0 GET - NONE\n"),
    ("-H Expect: -T DIR/large http://BARE/v2/ -w %{http_code}", "HTTP/2.0 PUT - -\n200"),
    ("-d hello http://BARE/v2/body", "hello\n"),
    ("-I http://BARE/v2/ -o /dev/null -w %{http_code}", "200"),
    ("-H TE:trailers -d hello http://BARE/grpc/", "HTTP/2.0 POST trailers -\n"),
    ("-d hello http://BARE/grpc/body", "hello\n"),
    ("--http2-prior-knowledge -T DIR/large http://PLAIN/grpc/sink -w %{http_code}", "\n200"),
    ("http://BARE/grpc/page -o DIR/got -w %{size_download}", "300000"),
    ("http://BARE/v2/page -o DIR/got -w %{size_download}", "300000"),
    ("http://BARE/dead/ -o /dev/null -w %{http_code}", "502"),
];

#[test]
fn curl_speaks_to_rkeep() {
    ask(Proxy::rkeep(), "rkeep");
}

#[test]
fn curl_speaks_to_nginx() {
    match std::env::var("NGINX_BIN") {
        Ok(nginx) => ask(Command::new(nginx), "nginx"),
        Err(_) => println!("NGINX_BIN names no nginx: rkeep alone is asked"),
    }
}

fn ask(command: Command, name: &str) {
    let directory = std::env::temp_dir().join(format!("http2-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    files(&directory);
    let [tls, plain, bare, behind] = std::array::from_fn(|_| free_port());
    let conf = configuration(&directory, [tls, plain, bare, behind]);
    let proxy = Proxy::start(command, &directory, &conf, behind);
    let mut wrong = Vec::new();
    for (call, expected) in ROWS {
        let words = call
            .replace("TLS", &format!("127.0.0.1:{tls}"))
            .replace("PLAIN", &format!("127.0.0.1:{plain}"))
            .replace("BARE", &format!("127.0.0.1:{bare}"))
            .replace("DIR", &directory.display().to_string());
        let output = Command::new("curl").args(["-s", "-m", "20"]).args(words.split(' ')).output().expect("curl");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if said != *expected {
            wrong.push(format!("{call}: {said:?} instead of {expected:?} ({})", output.status));
        }
    }
    let log = std::fs::read_to_string(proxy.directory().join("error.log")).unwrap_or_default();
    assert!(wrong.is_empty(), "{}\n{log}", wrong.join("\n"));
}

fn files(directory: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9"])
        .args(["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(directory)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::write(directory.join("large"), vec![b'l'; 3_000_000]).expect("written");
    let page: PathBuf = directory.join("html");
    std::fs::create_dir_all(&page).expect("a directory");
    std::fs::write(page.join("page"), vec![b'p'; 300_000]).expect("written");
}

fn configuration(directory: &Path, [tls, plain, bare, behind]: [u16; 4]) -> String {
    let dead = free_port();
    let dir = directory.display();
    format!(
        r#"daemon off; pid {dir}/pid; error_log {dir}/error.log info; worker_processes 1;
user root;
events {{}}
http {{
    access_log off; client_max_body_size 0; root {dir}/html;
    client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
    map $ssl_client_verify $verdict {{ default $ssl_client_verify; "" -; }}
    map $http_te $te {{ default $http_te; "" -; }}
    upstream grpc {{ server 127.0.0.1:{plain}; keepalive 4; }}
    server {{
        listen 127.0.0.1:{tls} ssl;
        listen 127.0.0.1:{plain};
        http2 on;
        ssl_certificate cert.pem; ssl_certificate_key key.pem;
        ssl_verify_client optional; ssl_client_certificate cert.pem;
        location / {{ return 200 "$server_protocol $request_method $te $verdict\n"; }}
        location /body {{ proxy_pass http://127.0.0.1:{behind}; proxy_set_header X-Body $request_body; }}
        location /sink {{ proxy_pass http://127.0.0.1:{behind}; }}
        location /page {{ }}
        location /grpc/ {{ rewrite ^/grpc(/.*) $1 break; grpc_pass grpc; }}
    }}
    server {{
        listen 127.0.0.1:{bare};
        proxy_http_version 2;
        location /v2/ {{ proxy_pass http://127.0.0.1:{plain}/; }}
        location /v2tls/ {{ proxy_pass https://127.0.0.1:{tls}/; }}
        location /dead/ {{ proxy_pass http://127.0.0.1:{dead}/; }}
        location /grpc/ {{ rewrite ^/grpc(/.*) $1 break; grpc_pass grpc; }}
    }}
    server {{
        listen 127.0.0.1:{behind};
        location / {{ return 200 "$http_x_body\n"; }}
    }}
}}
"#
    )
}
