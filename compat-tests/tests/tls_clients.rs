//! curl and openssl against rkeep with TLS: uploads, client certificates, what must be refused, requests that come before the
//! handshake's end, and OCSP answers that are fetched from a responder.

#![allow(clippy::expect_used, reason = "a test says what is wrong by panicking")]
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rkeep_compat_tests::proxy::{Proxy, free_port};
use rkeep_compat_tests::tls::{Ends, Ports, certificates, directory, serve, shell};

fn start(directory: &Path, tls: u16, behind: u16, rest: &str) -> Proxy {
    let secure = format!(
        r#"{rest}
        location / {{ return 200 "early=$ssl_early_data reused=$ssl_session_reused id=$ssl_session_id $ssl_client_verify\n"; }}
        location /behind {{ proxy_pass http://127.0.0.1:{behind}; proxy_set_header Early-Data $ssl_early_data; }}"#
    );
    let plain = r#"location / { return 200 "length=$content_length early=$http_early_data\n"; }
        location /behind/too { if ($http_early_data) { return 425; } return 200 "not early\n"; }"#;
    serve(Proxy::rkeep(), directory, Ports { secure: tls, plain: behind }, &secure, plain)
}

#[test]
fn curl_uploads_and_shows_a_certificate() {
    let directory = directory("curl");
    certificates(&directory, 1);
    let (tls, behind) = (free_port(), free_port());
    let _proxy = start(&directory, tls, behind, "");
    for version in ["--http1.1", "--http2"] {
        let curl =
            format!("curl -sS -m 60 {version} --cacert ca.pem --cert own.pem --key key.pem https://localhost:{tls}");
        let said = shell(&directory, &format!("{curl}/"));
        assert!(said.ends_with("SUCCESS\n"), "{version}: {said}");
        let said = shell(&directory, &format!("{curl}/behind -H Expect: -T large"));
        assert_eq!(said, "length=50000000 early=\n", "{version}");
    }
    for old in [
        "-tls1 -cipher DEFAULT",
        "-tls1_1 -cipher DEFAULT",
        "-tls1_2 -cipher AES128-SHA",
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA",
    ] {
        let said = shell(&directory, &format!("timeout 5 openssl s_client -connect 127.0.0.1:{tls} {old}:@SECLEVEL=0"));
        assert!(said.contains("Cipher is (NONE)") || said.contains("rror"), "{old}: {said}");
    }
}

#[test]
fn requests_before_the_handshake_has_ended() {
    let directory = directory("early");
    certificates(&directory, 1);
    let (tls, behind) = (free_port(), free_port());
    let _proxy = start(&directory, tls, behind, "ssl_early_data on;");
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    std::fs::write(directory.join("first"), request("/")).expect("written");
    std::fs::write(directory.join("behind"), request("/behind")).expect("written");
    let client = format!("timeout 5 openssl s_client -connect 127.0.0.1:{tls} -servername localhost -ign_eof");
    std::fs::write(directory.join("too"), request("/behind/too")).expect("written");
    let rows = [("first", "early=1 reused=r id="), ("behind", "length= early=1"), ("too", "HTTP/1.1 425 ")];
    for (early, answer) in rows {
        let first = shell(&directory, &format!("{client} -sess_out session < first"));
        assert!(first.contains("early= reused=. id="), "{first}");
        let said = shell(&directory, &format!("{client} -sess_in session -early_data {early}"));
        assert!(said.contains("Early data was accepted") && said.contains(answer), "{said}");
        let again = shell(&directory, &format!("{client} -sess_in session -early_data {early}"));
        assert!(again.contains("Early data was rejected") && !again.contains(answer), "said again: {again}");
    }
}

/// A responder that knows the certificate as good, or as revoked.
fn responder(directory: &Path, port: u16, revoked: bool) -> Ends {
    let state = if revoked { "R\t351231235959Z\t260101000000Z" } else { "V\t351231235959Z\t" };
    std::fs::write(directory.join("index"), format!("{state}\t1000\tunknown\t/CN=localhost\n")).expect("written");
    let port = port.to_string();
    let child = Command::new("openssl")
        .args(["ocsp", "-index", "index", "-CA", "ca.pem", "-rsigner", "ca.pem", "-rkey", "ca.key", "-ndays", "1"])
        .args(["-port", &port, "-ignore_err"])
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    Ends(child)
}

#[test]
fn answers_of_a_responder_are_sent_along() {
    for (name, rest, revoked, sent) in [
        ("plain", "ssl_stapling on;", false, true),
        ("verified", "ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate ca.pem;", false, true),
        ("revoked", "ssl_stapling on;", true, false),
    ] {
        let directory = directory(name);
        let (tls, behind, asked) = (free_port(), free_port(), free_port());
        certificates(&directory, asked);
        let _responder = responder(&directory, asked, revoked);
        let proxy = start(&directory, tls, behind, rest);
        let client = format!("timeout 5 openssl s_client -connect 127.0.0.1:{tls} -servername localhost -status");
        let log = || std::fs::read_to_string(proxy.directory().join("error.log")).unwrap_or_default();
        let patience = Instant::now() + Duration::from_secs(10);
        // The first client starts the asking.
        let done =
            |said: &str| said.contains("OCSP Response Status: successful") || log().contains("certificate status");
        let mut said = shell(&directory, &client);
        assert!(said.contains("OCSP response: no response sent"), "{name}: {said}");
        while !done(&said) {
            assert!(Instant::now() < patience, "{name}: {said}\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
            said = shell(&directory, &client);
        }
        assert_eq!(said.contains("Cert Status: good"), sent, "{name}: {said}\n{}", log());
        let line = "certificate status \"revoked\" in the OCSP response while requesting certificate status, responder: 127.0.0.1";
        assert_eq!(log().contains(line), revoked, "{name}: {}", log());
    }
}
