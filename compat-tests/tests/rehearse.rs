//! `rkeep rehearse` as a command: what is broken beforehand is what it finds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use rkeep::rehearse::{Subject, eventually};
use rkeep_compat_tests::rkeep;
use serde_json::Value;

fn rehearse(arguments: &[&str]) -> Output {
    let Subject::Rkeep(program) = rkeep() else { unreachable!("that is rkeep") };
    Command::new(program).arg("rehearse").args(arguments).output().unwrap()
}

/// The names of the drills that held, and of those that did not.
fn verdicts(output: &Output) -> (Vec<String>, Vec<String>) {
    let said: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let drills = said["drills"].as_array().unwrap().iter();
    let (held, broken): (Vec<&Value>, Vec<&Value>) =
        drills.partition(|drill| drill["broken"].as_array().unwrap().is_empty());
    let names = |drills: Vec<&Value>| drills.iter().map(|drill| drill["drill"].as_str().unwrap().to_owned()).collect();
    (names(held), names(broken))
}

/// Rehearses these drills with that broken, and says which of them did not hold.
fn broken_by(what: &str, drills: &[&str]) -> Vec<String> {
    let drills: Vec<&str> = drills.iter().flat_map(|drill| ["--drill", drill]).collect();
    let output = rehearse(&[&["--json", "--break", what], drills.as_slice()].concat());
    let (_, broken) = verdicts(&output);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    broken
}

#[test]
fn directors_that_do_not_hear_each_other_are_found() {
    assert_eq!(broken_by("adverts", &["steady"]), ["steady"]);
}

#[test]
fn directors_that_do_not_believe_each_other_are_found() {
    assert_eq!(broken_by("auth", &["steady"]), ["steady"]);
}

#[test]
fn a_mail_server_that_is_away_is_found_where_a_mail_is_due() {
    assert_eq!(broken_by("mail", &["steady", "stop-master", "reload"]), ["stop-master"]);
}

#[test]
fn a_misspelt_drill_is_answered_with_the_right_one() {
    let output = rehearse(&["--drill", "unplugg"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("'unplug'") && said.contains("steady, stop-master"), "{said}");
}

/// An operator's pair as many have it: unicast, names, another interface, logs somewhere, a socket; nginx answers by itself.
const KEEPALIVED: &str = "global_defs {\n    router_id edge\n}\nvrrp_instance WEB {\n    state MASTER\n    interface \
                          ens192\n    virtual_router_id 77\n    priority 120\n    advert_int 1\n    unicast_src_ip \
                          10.20.0.11\n    unicast_peer {\n        10.20.0.12\n    }\n    virtual_ipaddress {\n        \
                          10.20.0.100/24 dev ens192\n    }\n    notify_master /opt/edge/master.sh\n}\n";
const NGINX: &str = "user www-data;\nerror_log /data/logs/error.log;\nevents {}\nhttp {\n    include mime.types;\n    \
                     access_log /data/logs/access.log;\n    upstream app {\n        server app1.internal:8080;\n        \
                     server app2.internal:8080;\n    }\n    server {\n        listen 10.20.0.100:80;\n        server_name \
                     www.example.com;\n        location / {\n            proxy_pass http://app;\n        }\n        location \
                     /socket {\n            proxy_pass http://unix:/run/app.sock;\n        }\n    }\n}\n";

/// These files in a directory of their own, which is removed afterwards.
struct Conf(PathBuf);

impl Conf {
    fn new(name: &str) -> Conf {
        let directory = std::env::temp_dir().join(format!("rkeep-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::write(directory.join("keepalived.conf"), KEEPALIVED).unwrap();
        std::fs::write(directory.join("nginx.conf"), NGINX).unwrap();
        Conf(directory)
    }

    fn path(&self, file: &str) -> String {
        self.0.join(file).display().to_string()
    }
}

impl Drop for Conf {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn an_operators_own_files_are_simulated_as_they_name_things() {
    let conf = Conf::new("own");
    let (keepalived, nginx) = (conf.path("keepalived.conf"), conf.path("nginx.conf"));
    let drills = ["--drill", "steady", "--drill", "unplug", "--drill", "kill-proxy", "--drill", "hang-proxy"];
    let files = ["--json", "--keepalived-conf", &keepalived, "--nginx-conf", &nginx];
    let output = rehearse(&[&files[..], &drills].concat());
    let (held, broken) = verdicts(&output);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!((held.len(), broken.len(), output.status.code()), (4, 0, Some(0)), "{text}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    for drill in ["unplug", "kill-proxy", "hang-proxy"] {
        let played = said["drills"].as_array().unwrap().iter().find(|it| it["drill"] == drill).unwrap();
        assert_eq!(played["legs"][0]["owner"], "director 2", "{played:#}");
        assert_eq!(played["legs"][1]["owner"], "director 1", "{played:#}");
    }
    let remarks = said["remarks"].to_string();
    for expected in [
        "MASTER becomes BACKUP",
        "120 becomes 110",
        "app1.internal is given the address",
        "10.20.0.11 becomes",
        "/opt/edge/master.sh is not run",
    ] {
        assert!(remarks.contains(expected), "{expected} is not in {remarks}");
    }
}

#[test]
fn who_owns_addresses_of_ipv6_is_seen() {
    let conf = Conf::new("six");
    let six = KEEPALIVED.replace("10.20.0.100/24 dev ens192", "fe80::77/64\n        2001:db8::77/64");
    let [plain, _] = six.split("unicast_src_ip").collect::<Vec<_>>()[..] else { unreachable!() };
    let (_, rest) = six.split_once("10.20.0.12\n    }\n").unwrap();
    std::fs::write(conf.path("keepalived.conf"), format!("{plain}version 3\n{rest}")).unwrap();
    let drills = ["--drill", "steady", "--drill", "stop-master", "--drill", "unplug"];
    let files = ["--json", "--keepalived-conf", &conf.path("keepalived.conf")];
    let output = rehearse(&[&files[..], &drills].concat());
    let (held, broken) = verdicts(&output);
    assert_eq!((held.len(), broken.len()), (3, 0), "{}", String::from_utf8_lossy(&output.stdout));
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["drills"][2]["legs"][0]["owner"], "director 2", "{said:#}");
}

/// Everything by TLS, with certificates that are elsewhere, and by both families of addresses; php beside it.
const ENCRYPTED: &str = "events {}\nhttp {\n upstream app {\n  server 198.51.100.7:8443;\n  server [2001:db8:9::7]:8443;\n \
                         }\n limit_req_zone $uri zone=z:1m rate=1r/s;\n server {\n  listen 80;\n  listen [::]:80;\n  return 301 \
                         https://$host$request_uri;\n }\n server {\n  listen 443 ssl;\n  listen [::]:443 ssl;\n  server_name \
                         www.example.com;\n  ssl_certificate /etc/nowhere/www.pem;\n  ssl_certificate_key \
                         /etc/nowhere/www.key;\n  location / {\n   proxy_pass https://app;\n   proxy_ssl_verify on;\n   \
                         proxy_ssl_trusted_certificate ca.pem;\n  }\n  location /php {\n   fastcgi_pass \
                         unix:/run/php.sock;\n  }\n }\n}\n";

#[test]
fn https_and_ipv6_are_simulated_with_certificates_made_up() {
    let conf = Conf::new("tls");
    let both = KEEPALIVED.replace(
        "10.20.0.100/24 dev ens192",
        "10.20.0.100/24 dev ens192\n    }\n    \
                                                                virtual_ipaddress_excluded {\n        2001:db8::77/64",
    );
    std::fs::write(conf.path("keepalived.conf"), both).unwrap();
    std::fs::write(conf.path("nginx.conf"), ENCRYPTED).unwrap();
    let (keepalived, nginx) = (conf.path("keepalived.conf"), conf.path("nginx.conf"));
    let drills = ["--drill", "steady", "--drill", "kill-proxy"];
    let output =
        rehearse(&[&["--json", "--keepalived-conf", &keepalived, "--nginx-conf", &nginx][..], &drills].concat());
    let (held, broken) = verdicts(&output);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!((held.len(), broken.len()), (2, 0), "{text}");
    for expected in
        ["/etc/nowhere/www.key is not here", "ca.pem is replaced by", "15 from 2001:db8::", "[2001:db8:9::7]:8443 "]
    {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
    assert!(!std::path::Path::new("/etc/nowhere").exists());
}

#[test]
fn files_that_rkeep_would_refuse_are_not_rehearsed() {
    let conf = Conf::new("refused");
    std::fs::write(conf.path("nginx.conf"), "events {}\nhttp { server { lisden 80; } }\n").unwrap();
    let files = ["--keepalived-conf", &conf.path("keepalived.conf"), "--nginx-conf", &conf.path("nginx.conf")];
    let output = rehearse(&files);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("nginx.conf:2: unknown directive \"lisden\""), "{said}");
}

#[test]
fn a_kept_cluster_can_be_entered_and_ended() {
    let Subject::Rkeep(program) = rkeep() else { unreachable!("that is rkeep") };
    let mut kept = Command::new(&program)
        .args(["rehearse", "--drill", "reload", "--keep"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(kept.stderr.take().unwrap()).lines().map_while(Result::ok);
    let enter = said.find(|line| line.contains(" director ")).expect("it says how to enter a director's box");
    let command = enter.split_once("nsenter").map(|(_, rest)| format!("nsenter{rest} -c hostname")).unwrap();
    let entered = Command::new("/bin/sh").args(["-c", &command]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&entered.stdout), "lb1\n", "{command}: {entered:?}");
    let logs = said.find_map(|line| line.strip_prefix("logs are in ").map(str::to_owned)).unwrap();
    let client = PathBuf::from(logs.split(' ').next().unwrap()).join("client.log");
    assert!(eventually(Duration::from_secs(10), || std::fs::read_to_string(&client)
        .is_ok_and(|log| log.contains("Status(200)"))));
    let again = rehearse(&["--keep", "--drill", "steady"]);
    assert_eq!(again.status.code(), Some(2), "only one is kept at a time: {again:?}");
    assert_eq!(rehearse(&["--end"]).status.code(), Some(0));
    assert!(kept.wait().unwrap().success());
    assert_eq!(rehearse(&["--end"]).status.code(), Some(2));
    let _ = std::fs::remove_dir_all(client.parent().unwrap());
}
