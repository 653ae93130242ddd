//! nginx's command line, processes, signals and files: the same on nginx and on rkeep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use rkeep::rehearse::{Node, eventually};
use rkeep_compat_tests::subject;
use rustix::process::Signal;

const SOON: Duration = Duration::from_secs(10);
const NGINX: &str = "/usr/local/nginx/sbin/nginx";
const PLACE: [&str; 6] = ["-p", "/usr/local/nginx/", "-c", "conf/nginx.conf", "-e", "logs/error.log"];

/// A box with nginx and a configuration that answers `answer`.
fn node(answer: &str) -> Node {
    let node = Node::new("web", "127.0.0.1 localhost\n", &[subject().as_nginx()]).unwrap();
    node.shell("ip link set lo up").unwrap();
    configure(&node, answer, "");
    node
}

fn configure(node: &Node, answer: &str, more: &str) {
    let text = format!(
        "user root root;\nworker_processes 1;\nerror_log logs/error.log info;\npid logs/nginx.pid;\nevents {{}}\n\
         http {{\n access_log logs/access.log;\n server {{\n  listen 80;\n  location / {{ return 200 \"{answer}\"; }}\n }}\n}}\n{more}\n"
    );
    node.write("/usr/local/nginx/conf/nginx.conf", text).unwrap();
}

/// Runs nginx's command line with more words; its exit code and what it said.
fn nginx(node: &Node, more: &[&str]) -> (Option<i32>, String) {
    let ended = node.run(&[&[NGINX], &PLACE[..], more].concat()).unwrap();
    (ended.code(), ended.stdout + &ended.stderr)
}

fn answer(node: &Node) -> String {
    node.shell("curl -s -m 5 http://127.0.0.1/").unwrap().stdout
}

fn log(node: &Node) -> String {
    node.read("/usr/local/nginx/logs/error.log").unwrap_or_default()
}

fn pid(node: &Node) -> Option<i32> {
    node.read("/usr/local/nginx/logs/nginx.pid").ok()?.trim().parse().ok()
}

fn processes(node: &Node) -> Vec<i32> {
    node.processes().unwrap().into_iter().filter(|it| it.name == "nginx").map(|it| it.inner).collect()
}

fn signal(node: &Node, signal: &str) {
    let pid = pid(node).expect("a pid file");
    assert_eq!(node.run(&["kill", signal, &pid.to_string()]).unwrap().code(), Some(0));
}

fn started(answer: &str) -> Node {
    let node = node(answer);
    assert_eq!(nginx(&node, &[]), (Some(0), String::new()));
    assert!(eventually(SOON, || pid(&node).is_some() && processes(&node).len() == 2));
    node
}

#[test]
fn a_daemon_serves_from_a_master_and_a_worker_until_told_to_quit() {
    let node = started("one");
    assert_eq!(answer(&node), "one");
    let shown = node.shell("ps -o args --no-headers -C nginx").unwrap().stdout;
    assert!(shown.contains("nginx: master process /usr/local/nginx/sbin/nginx -p /usr/local/nginx/"), "{shown}");
    assert!(shown.contains("nginx: worker process"), "{shown}");
    assert_eq!(node.shell("killall -0 nginx").unwrap().code(), Some(0));
    assert_eq!(nginx(&node, &["-s", "quit"]), (Some(0), String::new()));
    assert!(eventually(SOON, || processes(&node).is_empty()));
    assert_eq!(pid(&node), None);
    for line in ["start worker processes", "signal process started", "gracefully shutting down", "exited with code 0"] {
        assert!(log(&node).contains(line), "{line} is missing:\n{}", log(&node));
    }
}

#[test]
fn a_reload_takes_up_the_new_file_and_a_bad_one_changes_nothing() {
    let node = started("one");
    configure(&node, "two", "");
    assert_eq!(nginx(&node, &["-s", "reload"]), (Some(0), String::new()));
    assert!(eventually(SOON, || answer(&node) == "two"));
    assert!(eventually(SOON, || log(&node).contains("exited with code 0")), "{}", log(&node));
    configure(&node, "three", "nonsense on;");
    let (code, text) = nginx(&node, &["-s", "reload"]);
    assert_eq!(code, Some(1));
    let wrong = "unknown directive \"nonsense\" in /usr/local/nginx/conf/nginx.conf:13";
    assert!(text.contains(wrong), "{text}");
    signal(&node, "-HUP");
    assert!(eventually(SOON, || log(&node).matches(wrong).count() >= 2), "{}", log(&node));
    assert_eq!(answer(&node), "two");
    assert_eq!(processes(&node).len(), 2);
}

#[test]
fn a_killed_worker_is_replaced_with_the_same_sockets() {
    let node = started("one");
    let master = pid(&node).unwrap();
    let worker = *processes(&node).iter().find(|it| **it != master).unwrap();
    node.run(&["kill", "-KILL", &worker.to_string()]).unwrap();
    let replaced = || processes(&node).iter().any(|it| *it != master && *it != worker);
    assert!(eventually(SOON, replaced));
    assert_eq!(answer(&node), "one");
    assert!(log(&node).contains(&format!("worker process {worker} exited on signal 9")), "{}", log(&node));
    assert_eq!(pid(&node), Some(master));
}

#[test]
fn logs_are_opened_anew_on_request() {
    let node = started("one");
    answer(&node);
    node.shell("cd /usr/local/nginx/logs && mv access.log old.log").unwrap();
    signal(&node, "-USR1");
    let reopened = || {
        answer(&node);
        node.read("/usr/local/nginx/logs/access.log").is_ok_and(|text| text.contains("\"GET / HTTP/1.1\" 200"))
    };
    assert!(eventually(SOON, reopened));
    assert!(log(&node).contains("reopening logs"));
}

#[test]
fn workers_go_and_come_back_while_the_master_stays() {
    let node = started("one");
    let master = pid(&node).unwrap();
    signal(&node, "-WINCH");
    assert!(eventually(SOON, || processes(&node) == [master]));
    signal(&node, "-HUP");
    assert!(eventually(SOON, || processes(&node).len() == 2));
    assert!(eventually(SOON, || answer(&node) == "one"));
    signal(&node, "-TERM");
    assert!(eventually(SOON, || processes(&node).is_empty()));
}

#[test]
fn a_master_that_ends_is_not_kept_by_a_signal_that_came_before() {
    let node = started("one");
    // It reads both at once.
    ["-STOP", "-WINCH", "-QUIT", "-CONT"].iter().for_each(|word| signal(&node, word));
    assert!(eventually(SOON, || processes(&node).is_empty()), "{}", log(&node));
}

#[test]
fn a_request_that_is_cut_off_at_the_end_is_logged() {
    let node = node("one");
    let silent = node.within(|| TcpListener::bind("127.0.0.1:9000")).unwrap();
    silent.set_nonblocking(true).unwrap();
    let conf = "/usr/local/nginx/conf/nginx.conf";
    let text = node.read(conf).unwrap().replace("return 200 \"one\"", "proxy_pass http://127.0.0.1:9000");
    node.write(conf, format!("worker_shutdown_timeout 50ms;\n{text}")).unwrap();
    assert_eq!(nginx(&node, &[]), (Some(0), String::new()));
    let asking = node.start(&["curl", "-s", "-m", "20", "http://127.0.0.1/"]).unwrap();
    let mut asked = None;
    assert!(eventually(SOON, || asked.insert(silent.accept()).is_ok()), "{}", log(&node));
    assert_eq!(nginx(&node, &["-s", "quit"]), (Some(0), String::new()));
    assert!(eventually(SOON, || processes(&node).is_empty()), "{}", log(&node));
    assert!(eventually(SOON, || !asking.runs().unwrap()));
    let logged = node.read("/usr/local/nginx/logs/access.log").unwrap();
    assert!(logged.contains("\"GET / HTTP/1.1\" 000 0 "), "{logged}");
}

/// What is no preface is a fault of the protocol.
#[test]
fn before_1_25_a_listener_of_http2_speaks_nothing_else() {
    let node = node("one");
    let conf = "/usr/local/nginx/conf/nginx.conf";
    let text = node.read(conf).unwrap().replace("listen 80", "listen 80 http2");
    node.write(conf, format!("#rkeep: compat nginx=1.22\n{text}")).unwrap();
    assert_eq!(nginx(&node, &[]), (Some(0), String::new()));
    let said = node.within(|| {
        let mut stream = TcpStream::connect("127.0.0.1:80")?;
        stream.set_read_timeout(Some(SOON))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
        let mut said = Vec::new();
        stream.read_to_end(&mut said).map(|_| said)
    });
    let said = said.unwrap();
    let (settings, goodbye) = (4, [[0, 0, 8, 7].as_slice(), &[0; 12], &[1]].concat());
    assert_eq!(said.get(3), Some(&settings), "{said:?}");
    assert!(said.ends_with(&goodbye), "{said:?}");
}

#[test]
fn a_foreground_master_is_the_process_that_was_started() {
    let node = node("one");
    let running = node.start(&[&[NGINX], &PLACE[..], &["-g", "daemon off;"]].concat()).unwrap();
    assert!(eventually(SOON, || pid(&node).is_some()));
    let inner = node.processes().unwrap().into_iter().find(|it| Some(it.pid) == running.pid()).unwrap().inner;
    assert_eq!(pid(&node), Some(inner));
    assert_eq!(answer(&node), "one");
    running.signal(Signal::TERM).unwrap();
    assert_eq!(running.wait(SOON).unwrap().code(), Some(0));
}

#[test]
fn without_a_master_process_whoever_kills_it_has_killed_all() {
    let node = node("one");
    assert_eq!(nginx(&node, &["-g", "master_process off; daemon on;"]).0, Some(0));
    assert!(eventually(SOON, || answer(&node) == "one"));
    signal(&node, "-KILL");
    assert!(eventually(SOON, || processes(&node).is_empty()), "{:?}", processes(&node));
    assert_eq!(answer(&node), "");
}

#[test]
fn a_test_says_what_it_found_and_starts_nothing() {
    let node = node("one");
    let file = "/usr/local/nginx/conf/nginx.conf";
    let good = format!(
        "nginx: the configuration file {file} syntax is ok\nnginx: configuration file {file} test is successful\n"
    );
    assert_eq!(nginx(&node, &["-t"]), (Some(0), good.clone()));
    assert_eq!(nginx(&node, &["-tq"]), (Some(0), String::new()));
    let (code, dump) = nginx(&node, &["-T"]);
    assert_eq!(code, Some(0));
    assert!(dump.starts_with(&format!("# configuration file {file}:\nuser root root;\n")), "{dump}");
    node.write(file, "events {}\nhttp {\n").unwrap();
    let bad = format!(
        "nginx: [emerg] unexpected end of file, expecting \"}}\" in {file}:3\nnginx: configuration file {file} test failed\n"
    );
    assert_eq!(nginx(&node, &["-t"]), (Some(1), bad));
    node.run(&["rm", file]).unwrap();
    let none = format!(
        "nginx: [emerg] open() \"{file}\" failed (2: No such file or directory)\nnginx: configuration file {file} test failed\n"
    );
    assert_eq!(nginx(&node, &["-t"]), (Some(1), none));
    assert!(processes(&node).is_empty());
}

#[test]
fn a_log_that_cannot_be_opened_is_standard_error() {
    let node = node("one");
    node.write("/usr/local/nginx/conf/nginx.conf", "events {}\nnonsense;\n").unwrap();
    let (_, text) = nginx(&node, &["-t", "-e", "/nowhere/error.log"]);
    let lines: Vec<&str> = text.lines().collect();
    let [alert, emerg, _] = lines[..] else { panic!("three lines: {text}") };
    assert_eq!(
        alert,
        "nginx: [alert] could not open error log file: open() \"/nowhere/error.log\" failed (2: No such file or directory)"
    );
    assert!(emerg.starts_with("20") && emerg.contains(": unknown directive \"nonsense\" in "), "{emerg}");
}

#[test]
fn mistakes_on_the_command_line_are_named() {
    let node = node("one");
    let said = |words: &[&str]| {
        let ended = node.run(&[&[NGINX], words].concat()).unwrap();
        (ended.code(), ended.stderr)
    };
    for (words, text) in [
        (&["-x"][..], "nginx: invalid option: \"x\"\n"),
        (&["word"], "nginx: invalid option: \"word\"\n"),
        (&["-s", "foo"], "nginx: invalid option: \"-s foo\"\n"),
        (&["-c"], "nginx: option \"-c\" requires file name\n"),
    ] {
        assert_eq!(said(words), (Some(1), text.to_owned()));
    }
    assert!(said(&["-v"]).1.starts_with("nginx version: nginx/1."));
    let (code, text) = nginx(&node, &["-s", "stop"]);
    let none = "nginx: [error] open() \"/usr/local/nginx/logs/nginx.pid\" failed (2: No such file or directory)\n";
    assert_eq!((code, text.as_str()), (Some(1), none));
    let (code, text) = nginx(&node, &["-t", "-g", "nonsense"]);
    assert_eq!(code, Some(1));
    assert!(
        text.starts_with("nginx: [emerg] unexpected end of parameter, expecting \";\" in command line\n"),
        "{text}"
    );
}

#[test]
fn an_address_in_use_is_tried_five_times() {
    let node = started("one");
    node.shell("mkdir /tmp/b && cp -r /usr/local/nginx/conf /tmp/b && mkdir /tmp/b/logs").unwrap();
    let second = node.run(&[NGINX, "-p", "/tmp/b/", "-c", "conf/nginx.conf", "-e", "logs/error.log"]).unwrap();
    assert_eq!(second.code(), Some(1));
    let busy = "nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)\n";
    assert_eq!(second.stderr, busy.repeat(5) + "nginx: [emerg] still could not bind()\n");
    assert_eq!(answer(&node), "one");
}

#[test]
fn a_unix_socket_is_open_to_all_and_goes_with_the_master() {
    let node = node("one");
    let file = node.read("/usr/local/nginx/conf/nginx.conf").unwrap();
    let file = file.replace("listen 80;", "listen unix:/tmp/web.sock;");
    node.write("/usr/local/nginx/conf/nginx.conf", file).unwrap();
    assert_eq!(nginx(&node, &[]).0, Some(0));
    assert!(eventually(SOON, || pid(&node).is_some()));
    assert_eq!(node.shell("stat -c %a /tmp/web.sock").unwrap().stdout, "666\n");
    assert_eq!(node.shell("curl -s --unix-socket /tmp/web.sock http://x/").unwrap().stdout, "one");
    signal(&node, "-QUIT");
    assert!(eventually(SOON, || processes(&node).is_empty()));
    assert_eq!(node.shell("ls /tmp/web.sock").unwrap().code(), Some(2));
}
