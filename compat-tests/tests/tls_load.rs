//! Reloads and an upgrade while clients come by TLS, with HTTP/1 and HTTP/2: no request fails, and sessions that began
//! before go on after. Handshakes that never end are ended, counted and shown.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use rkeep::rehearse::{Node, Placed, Subject, eventually};
use rkeep_compat_tests::rkeep;

const TOOL: &str = "/usr/local/lib/rkeep";
const SOON: std::time::Duration = std::time::Duration::from_secs(15);

const CONF: &str = r#"user root root;
worker_processes 2;
error_log logs/error.log info;
pid logs/nginx.pid;
events {}
http {
  access_log off;
  ssl_certificate cert.pem;
  ssl_certificate_key key.pem;
  MORE
  server {
    listen 443 ssl;
    http2 on;
    location / { return 200 "$ssl_session_reused\n"; }
  }
}
"#;

/// Clients that ask until a file says stop, each by many requests a connection; what goes on meanwhile is `DO`.
const LOAD: &str = r#"
cd /usr/local/nginx
rm -f stop codes.*
load() {
  while [ ! -e stop ]; do
    curl -sk "$1" -m 60 -o /dev/null -w '%{http_code}\n' 'https://127.0.0.1/[1-20]' >>codes.$2 2>&1 || echo "curl: $?" >>codes.$2
  done
}
load --http1.1 a & load --http2 b & load --http1.1 c & load --http2 d &
# Until the server ends: a ticket comes after the handshake.
session() { printf 'GET / HTTP/1.0\r\n\r\n' | timeout 10 openssl s_client -ign_eof -connect 127.0.0.1:443 "$@" 2>/dev/null; }
session -tls1_2 -sess_out two >/dev/null
session -tls1_3 -sess_out three >/dev/null
DO
session -tls1_2 -sess_in two | grep -q '^Reused' && echo two goes on
session -tls1_3 -sess_in three | grep -q '^Reused' && echo three goes on
touch stop
wait
echo failed: $(cat codes.* | grep -vc '^200$')
[ $(cat codes.* | wc -l) -gt 200 ] && echo enough
"#;

fn web(more: &str) -> Node {
    let Subject::Rkeep(path) = rkeep() else { unreachable!() };
    let node = Node::new("web", "127.0.0.1 localhost\n", &[Placed { from: path, to: TOOL.into() }]).unwrap();
    node.shell("ip link set lo up").unwrap();
    node.write("/usr/local/nginx/conf/nginx.conf", CONF.replace("MORE", more)).unwrap();
    let made = node.shell(
        "cd /usr/local/nginx/conf && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 \
         -subj /CN=localhost -keyout key.pem -out cert.pem && openssl rand -out ticket.key 80 && \
         mkdir -p ../sbin && ln -s /usr/local/lib/rkeep ../sbin/nginx && ../sbin/nginx",
    );
    assert_eq!(made.unwrap().code(), Some(0));
    let up = || node.shell("curl -sk https://127.0.0.1/").unwrap().code() == Some(0);
    assert!(eventually(SOON, up), "{}", log(&node));
    node
}

fn log(node: &Node) -> String {
    node.read("/usr/local/nginx/logs/error.log").unwrap_or_default()
}

fn expect_all(node: &Node, meanwhile: &str) {
    let said = node.shell(&LOAD.replace("DO", meanwhile)).unwrap();
    let codes = || node.shell("cd /usr/local/nginx; cat codes.* | sort | uniq -c").unwrap().stdout;
    assert_eq!(said.stdout, "two goes on\nthree goes on\nfailed: 0\nenough\n", "{}\n{}", codes(), log(node));
}

#[test]
fn reloads_fail_no_request_and_keep_sessions() {
    expect_all(&web(""), "for i in 1 2 3 4 5 6 7 8; do kill -HUP $(cat logs/nginx.pid); sleep 0.3; done");
}

#[test]
fn an_upgrade_fails_no_request_and_keeps_sessions_by_key_files() {
    let meanwhile = "
kill -USR2 $(cat logs/nginx.pid)
for i in $(seq 100); do [ -e logs/nginx.pid.oldbin ] && [ -e logs/nginx.pid ] && break; sleep 0.1; done
sleep 1
kill -QUIT $(cat logs/nginx.pid.oldbin)
sleep 2
[ -e logs/nginx.pid.oldbin ] && echo the old one stays";
    expect_all(&web("ssl_session_ticket_key ticket.key;"), meanwhile);
}

#[test]
fn endless_handshakes_are_ended_counted_and_shown() {
    let node = web("client_header_timeout 1s;");
    // A hello that never comes whole, and silence.
    let slow = r"for i in 1 2 3; do (exec 3<>/dev/tcp/127.0.0.1/443; printf '\026\003\001' >&3; timeout 5 cat <&3) & done
        (exec 3<>/dev/tcp/127.0.0.1/443; timeout 5 cat <&3); wait";
    assert_eq!(node.run(&["bash", "-c", slow]).unwrap().code(), Some(0), "the server ends them, not the client");
    let lines = log(&node).lines().filter(|line| line.contains("timed out") && line.contains("handshaking")).count();
    assert_eq!(lines, 4, "{}", log(&node));
    let status = node.shell("/usr/local/lib/rkeep status").unwrap().stdout;
    assert!(status.contains("4 for handshakes that took too long"), "{status}");
    assert!(status.contains("certificate") && status.contains("localhost ends in 8 days"), "{status}");
}
