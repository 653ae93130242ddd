//! Clients that people use, unchanged: curl, Python's requests and httpx, Node, Chromium, and gRPC in two languages, each as
//! client and as server. A client that is not installed fails its test and says what to install.

#![allow(clippy::expect_used, reason = "a test says what is wrong by panicking")]
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rkeep::rehearse::eventually;
use rkeep_compat_tests::proxy::{Proxy, free_port};
use rkeep_compat_tests::tls::{Ends, Ports, certificates, directory, serve, shell};

/// Scripts and pages of the clients.
const CLIENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
/// Debian's, not one that a user may have in front of it: it has Debian's libraries.
const PYTHON: &str = "/usr/bin/python3";

/// Fails loudly where a client is not there.
fn needs(works: &str, packages: &str) {
    let there = Command::new("sh").args(["-c", works]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(there.is_ok_and(|status| status.success()), "NOT INSTALLED: apt-get install {packages}");
}

/// A server with TLS and HTTP/2, and what lies behind it.
struct Site {
    proxy: Proxy,
    port: u16,
    socket: u16,
    callee: u16,
}

fn site(name: &str) -> Site {
    let directory = directory(name);
    certificates(&directory, 1);
    std::fs::write(directory.join("three"), vec![b'x'; 3_000_000]).expect("written");
    let [port, behind, socket, callee, nobody] = [(); 5].map(|()| free_port());
    let dir = directory.display();
    let secure = format!(
        r#"location / {{ return 200 "$ssl_client_verify\n"; }}
        location /missing {{ return 404; }}
        location /behind {{ proxy_pass http://127.0.0.1:{behind}; }}
        location = /large {{ alias {dir}/three; }}
        location = /said {{ access_log {dir}/said said; return 204; }}
        location = /page {{ alias {CLIENTS}/page.html; default_type text/html; }}
        location /socket {{
            proxy_pass http://127.0.0.1:{socket};
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }}
        location /test.Peer/ {{ grpc_pass grpc://127.0.0.1:{callee}; }}
        location /down/ {{ grpc_pass grpc://127.0.0.1:{nobody}; }}"#
    );
    let plain = r#"location / { return 200 "length=$content_length\n"; }"#;
    let ports = Ports { secure: port, plain: behind };
    Site { proxy: serve(Proxy::subject(), &directory, ports, &secure, plain), port, socket, callee }
}

impl Site {
    /// What a command says, run beside the certificates.
    fn says(&self, line: &str) -> String {
        shell(self.proxy.directory(), line)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.proxy.directory().join("error.log")).unwrap_or_default()
    }

    /// Runs a client that says `ok` at its end.
    fn expect_ok(&self, line: &str) {
        let said = self.says(&format!("timeout 100 {line}"));
        // Libraries may say more at their end.
        assert!(said.lines().any(|line| line == "ok"), "{line}: {said}\n{}", self.log());
    }
}

/// Starts what listens on a port.
fn start(directory: &Path, words: &[&str], port: u16) -> Ends {
    let (program, arguments) = words.split_first().expect("a program");
    let mut command = Command::new(program);
    command.args(arguments).arg(port.to_string()).current_dir(directory).stdin(Stdio::null());
    let started = Ends(command.spawn().expect("started"));
    let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    assert!(eventually(Duration::from_secs(20), listens), "{words:?} does not listen");
    started
}

fn websocket(site: &Site) -> Ends {
    start(site.proxy.directory(), &[PYTHON, &format!("{CLIENTS}/websocket.py")], site.socket)
}

#[test]
fn curl_speaks_websocket_over_tls() {
    needs(PYTHON, "python3");
    let site = site("curl-socket");
    let _backend = websocket(&site);
    let url = format!("https://localhost:{}/socket", site.port);
    let fields = "-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
                  -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='";
    let said = site.says(&format!("curl -sSi -N -m 2 --http1.1 --cacert ca.pem {fields} {url}"));
    let said = said.to_lowercase();
    assert!(said.starts_with("http/1.1 101 "), "{said}\n{}", site.log());
    assert!(said.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=") && said.contains("hello"), "{said}");
}

#[test]
fn python_fetches_and_uploads() {
    needs(&format!("{PYTHON} -c 'import requests, httpx, h2'"), "python3-requests python3-httpx python3-h2");
    let site = site("python");
    site.expect_ok(&format!("{PYTHON} {CLIENTS}/fetch.py {}", site.port));
}

#[test]
fn node_fetches_and_uploads() {
    needs("node --version", "nodejs");
    let site = site("node");
    site.expect_ok(&format!("node {CLIENTS}/fetch.js {}", site.port));
}

/// Not among what continuous integration installs, since it is large: there it is not asked.
#[test]
fn chromium_shows_a_page() {
    let there = Command::new("chromium").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !there.is_ok_and(|status| status.success()) {
        return rkeep_compat_tests::not_run("chromium is not installed: apt-get install chromium");
    }
    let site = site("chromium");
    let _backend = websocket(&site);
    let profile = format!("--user-data-dir={}", site.proxy.directory().join("profile").display());
    let mut browser = Command::new("chromium");
    browser.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--ignore-certificate-errors",
    ]);
    browser.args(["--remote-debugging-port=0", &profile, &format!("https://localhost:{}/page", site.port)]);
    let _browser = Ends(browser.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started"));
    let said = || std::fs::read_to_string(site.proxy.directory().join("said")).unwrap_or_default();
    eventually(Duration::from_secs(60), || said().ends_with('\n'));
    assert_eq!(said(), "h2%3B1%3B3000000%3Blength%3D1000000%3Bhello%2Cre%3A%20browser\n", "{}", site.log());
}

#[test]
fn grpc_between_two_languages() {
    needs(&format!("{PYTHON} -c 'import grpc'"), "python3-grpcio");
    needs("go version && test -d /usr/share/gocode/src/google.golang.org/grpc", "golang-go golang-google-grpc-dev");
    let site = site("grpc");
    let built = site.says(&format!(
        "GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$PWD/cache GOFLAGS= go build -o peer {CLIENTS}/grpc_peer.go && echo built"
    ));
    assert!(built.ends_with("built\n"), "{built}");
    let directory = site.proxy.directory().to_owned();
    let go = directory.join("peer").display().to_string();
    let python = [PYTHON.to_owned(), format!("{CLIENTS}/grpc_peer.py")];
    let go = [go];
    for (server, client) in [(&python[..], &go[..]), (&go[..], &python[..])] {
        let words: Vec<&str> = server.iter().map(String::as_str).chain(["serve"]).collect();
        let _server = start(&directory, &words, site.callee);
        site.expect_ok(&format!("{} call {} ca.pem", client.join(" "), site.port));
    }
}
