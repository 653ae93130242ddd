//! One nginx in place of another while it serves (USR2, WINCH, QUIT), where each of the two may be rkeep.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::Duration;

use rkeep::rehearse::http::Target;
use rkeep::rehearse::{Load, Node, Placed, Running, Subject, eventually};
use rkeep_compat_tests::rkeep;
use rustix::process::Signal;

const SOON: Duration = Duration::from_secs(15);
const NGINX: &str = "/usr/local/nginx/sbin/nginx";
const PLACE: [&str; 6] = ["-p", "/usr/local/nginx/", "-c", "conf/nginx.conf", "-e", "logs/error.log"];
const LOGS: &str = "/usr/local/nginx/logs";
const ORIGINAL: &str = "/usr/local/lib/original";
const RKEEP: &str = "/usr/local/lib/rkeep";

const CONF: &str = r#"user root root;
worker_processes 2;
error_log logs/error.log notice;
pid logs/nginx.pid;
events {}
http {
  access_log off;
  keepalive_requests 100000000;
  server {
    listen 80;
    listen unix:/run/web.sock;
    location / { return 200 "ok"; }
    location /backend/ {
      proxy_pass http://127.0.0.1:9000;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }
  }
}
"#;

/// How much a download is, in pieces that come a tenth of a second apart.
const PIECES: usize = 20;
const PIECE: usize = 64 * 1024;

/// A box whose nginx is what lies at its path, at first this one.
struct Web(Node);

impl Web {
    fn new(first: &str) -> Web {
        let Subject::Rkeep(path) = rkeep() else { unreachable!() };
        let placed =
            [Placed { from: "/usr/sbin/nginx".into(), to: ORIGINAL.into() }, Placed { from: path, to: RKEEP.into() }];
        let web = Web(Node::new("web", "127.0.0.1 localhost\n", &placed).unwrap());
        web.0.shell("ip link set lo up").unwrap();
        web.0.write("/usr/local/nginx/conf/nginx.conf", CONF).unwrap();
        web.put(first);
        assert_eq!(web.0.run(&[&[NGINX], &PLACE[..]].concat()).unwrap().code(), Some(0));
        assert!(eventually(SOON, || web.pid("nginx.pid").is_some() && web.answers()), "{}", web.log());
        web
    }

    /// Puts a program in nginx's place, as an installation does.
    fn put(&self, program: &str) {
        let program = program.to_owned();
        let put = move || {
            symlink(program, "/usr/local/nginx/sbin/new")?;
            std::fs::rename("/usr/local/nginx/sbin/new", NGINX)
        };
        self.0.within(put).unwrap();
    }

    fn pid(&self, file: &str) -> Option<i32> {
        self.0.read(format!("{LOGS}/{file}")).ok()?.trim().parse().ok()
    }

    fn log(&self) -> String {
        self.0.read(format!("{LOGS}/error.log")).unwrap_or_default()
    }

    fn signal(&self, pid: i32, signal: &str) {
        assert_eq!(self.0.run(&["kill", signal, &pid.to_string()]).unwrap().code(), Some(0), "{signal} {pid}");
    }

    fn answers(&self) -> bool {
        let ask = "curl -s -m 5 http://127.0.0.1/ && curl -s -m 5 --unix-socket /run/web.sock http://localhost/";
        self.0.shell(ask).unwrap().stdout == "okok"
    }

    /// The workers of a master.
    fn workers(&self, master: i32) -> Vec<i32> {
        let children = self.0.shell(&format!("pgrep -P {master} -f 'worker process'")).unwrap().stdout;
        children.lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    /// USR2: the old master and the new one, once its workers are there.
    fn upgrade(&self, program: &str) -> (i32, i32) {
        self.put(program);
        let old = self.pid("nginx.pid").unwrap();
        self.signal(old, "-USR2");
        let began = || {
            let new = self.pid("nginx.pid");
            self.pid("nginx.pid.oldbin") == Some(old)
                && new.is_some_and(|new| new != old && !self.workers(new).is_empty())
        };
        assert!(eventually(SOON, began), "{program}: {}", self.log());
        (old, self.pid("nginx.pid").unwrap())
    }

    fn quit(&self, old: i32) {
        self.signal(old, "-QUIT");
    }

    fn is_gone(&self, pid: i32) -> bool {
        self.0.processes().unwrap().iter().all(|process| process.inner != pid)
    }
}

/// Answers an upgrade with an echo, and everything else with a slow download.
fn backend(node: &Node) {
    let listener = node.within(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 9000))).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    if head.windows(9).any(|at| at.eq_ignore_ascii_case(b"websocket")) {
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")?;
        let mut bytes = [0; 64];
        loop {
            let count = stream.read(&mut bytes)?;
            if count == 0 {
                return Ok(());
            }
            stream.write_all(&bytes[..count])?;
        }
    }
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", PIECES * PIECE)?;
    for number in 0..PIECES {
        stream.write_all(&vec![number as u8; PIECE])?;
        sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// A connection through nginx that echoes.
fn web_socket(node: &Node) -> TcpStream {
    let mut stream = node.within(|| TcpStream::connect((Ipv4Addr::LOCALHOST, 80))).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
        .write_all(b"GET /backend/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

fn echoes(mut stream: &TcpStream, text: &[u8; 4]) -> bool {
    let mut back = [0; 4];
    stream.write_all(text).and_then(|()| stream.read_exact(&mut back)).is_ok() && back == *text
}

/// What a chain of upgrades under load has come to.
#[derive(Debug)]
struct Tale {
    /// New connections, one after another: how many requests, and what became of those that failed.
    asked: usize,
    failures: String,
    /// wrk's lines about errors, for each change; none when there were none.
    wrk: Vec<Vec<String>>,
}

impl Tale {
    /// How many connections of wrk's were closed under it, at each change.
    fn closed(&self) -> Vec<usize> {
        let read = |line: &String| line.split("read ").nth(1)?.split(',').next()?.trim().parse::<usize>().ok();
        self.wrk.iter().map(|lines| lines.iter().filter_map(read).sum()).collect()
    }
}

/// Goes through the programs under load: 64 connections kept by wrk, new ones all the time, five echoing and one
/// downloading over each change.
fn chain(programs: [&str; 4]) -> Tale {
    let web = Web::new(programs[0]);
    backend(&web.0);
    let target = Target::new(Ipv4Addr::LOCALHOST);
    let load = Load::start(&web.0, target, "/", Duration::from_millis(3)).unwrap();
    let wrk = programs[1..].iter().map(|program| {
        let wrk = web.0.start(&["wrk", "-t1", "-c64", "-d120s", "http://127.0.0.1/"]).unwrap();
        sleep(Duration::from_millis(500));
        step(&web, program);
        let report = ended(wrk);
        report.lines().filter(|line| line.contains("errors") || line.contains("Non-2xx")).map(str::to_owned).collect()
    });
    let wrk = wrk.collect();
    let outage = load.end().unwrap();
    Tale { asked: outage.asked, failures: format!("{:?}", outage.tally.failures), wrk }
}

fn ended(wrk: Running) -> String {
    // It reports before it goes.
    wrk.signal(Signal::INT).unwrap();
    let ended = wrk.wait(Duration::from_secs(60)).unwrap();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("Requests/sec"), "{}", ended.stdout);
    ended.stdout
}

fn step(web: &Web, program: &str) {
    let sockets: Vec<TcpStream> = (0..5).map(|_| web_socket(&web.0)).collect();
    let target = Target::new(Ipv4Addr::LOCALHOST).limit(SOON);
    let download = web.0.thread(move || target.get("/backend/file")).unwrap();
    assert!(sockets.iter().all(|socket| echoes(socket, b"one\n")));
    let (old, _) = web.upgrade(program);
    web.quit(old);
    sleep(Duration::from_millis(300));
    assert!(sockets.iter().all(|socket| echoes(socket, b"two\n")), "{program}: {}", web.log());
    let file = download.join().unwrap().unwrap();
    let whole: Vec<u8> = (0..PIECES).flat_map(|number| vec![number as u8; PIECE]).collect();
    assert!(file.body == whole, "{program}: {} bytes of the download came", file.body.len());
    assert!(sockets.iter().all(|socket| echoes(socket, b"end\n")), "{program}: {}", web.log());
    drop(sockets);
    assert!(eventually(SOON, || web.is_gone(old) && web.pid("nginx.pid.oldbin").is_none()), "{}", web.log());
    assert!(web.answers(), "{program}");
}

#[test]
fn there_and_back_under_load_no_connection_is_refused_and_none_breaks() {
    let own = chain([ORIGINAL; 4]);
    let mixed = chain([ORIGINAL, RKEEP, ORIGINAL, RKEEP]);
    let ours = chain([RKEEP; 4]);
    println!("nginx alone: {own:?}\nnginx, rkeep, nginx, rkeep: {mixed:?}\nrkeep alone: {ours:?}");
    for tale in [&mixed, &ours] {
        assert_eq!(tale.failures, "{}");
        assert!(tale.asked > 100, "{tale:?}");
        let wrk = tale.wrk.concat();
        assert!(wrk.iter().all(|line| !line.contains("Non-2xx")), "{tale:?}");
        assert!(wrk.iter().all(|line| line.contains("connect 0,") && line.contains("timeout 0")), "{tale:?}");
    }
    // Whom nginx leaves, nginx has closed; whom rkeep leaves, it must treat no worse.
    let least = own.closed().into_iter().min();
    assert!(mixed.closed().get(1).copied() <= least, "{mixed:?}, nginx alone {own:?}");
    assert!(ours.closed().into_iter().max() <= least, "{ours:?}, nginx alone {own:?}");
}

#[test]
fn the_old_one_steps_aside_comes_back_and_goes() {
    for (one, other) in [(ORIGINAL, ORIGINAL), (ORIGINAL, RKEEP), (RKEEP, ORIGINAL), (RKEEP, RKEEP)] {
        rehearsed(one, other);
    }
}

fn rehearsed(one: &str, other: &str) {
    let web = Web::new(one);
    let (old, new) = web.upgrade(other);
    let told = |text: &str| web.log().contains(text);
    for pid in [old, new] {
        web.signal(pid, "-USR2");
        assert!(
            eventually(SOON, || told(&format!("[crit] {pid}#{pid}: the changing binary signal is ignored"))),
            "{}",
            web.log()
        );
    }
    // Away and back again, the file not read anew.
    web.0.write("/usr/local/nginx/conf/nginx.conf", "nonsense;\n").unwrap();
    web.signal(old, "-WINCH");
    assert!(eventually(SOON, || web.workers(old).is_empty()), "{one}, {other}: {}", web.log());
    assert!(web.answers());
    web.signal(old, "-HUP");
    assert!(eventually(SOON, || !web.workers(old).is_empty()), "{one}, {other}: {}", web.log());
    web.signal(old, "-WINCH");
    assert!(eventually(SOON, || web.workers(old).is_empty()));
    web.signal(new, "-TERM");
    let back = || web.pid("nginx.pid") == Some(old) && web.pid("nginx.pid.oldbin").is_none();
    assert!(eventually(SOON, || back() && web.is_gone(new)), "{one}, {other}: {}", web.log());
    assert!(told(&format!("new binary process {new} exited with code 0")), "{}", web.log());
    assert!(eventually(SOON, || web.answers()), "{one}, {other}: {}", web.log());
    // A successor that cannot start changes nothing.
    web.signal(old, "-USR2");
    assert!(
        eventually(SOON, || web.log().matches("unknown directive \"nonsense\"").count() > 0 || told("unexpected end")),
        "{}",
        web.log()
    );
    assert!(eventually(SOON, back), "{}", web.log());
    web.0.write("/usr/local/nginx/conf/nginx.conf", CONF).unwrap();
    let (old, new) = web.upgrade(other);
    web.quit(old);
    assert!(eventually(SOON, || web.is_gone(old) && web.pid("nginx.pid.oldbin").is_none()), "{}", web.log());
    assert_eq!(web.pid("nginx.pid"), Some(new));
    assert!(web.answers(), "{one}, {other}: the unix socket went with the old one");
}
