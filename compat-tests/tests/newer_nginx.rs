//! What nginx's newer releases know: asked of rkeep, or of the nginx that `NGINX_BIN` names.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rkeep::rehearse::{Node, Placed, eventually};
use rkeep_compat_tests::rkeep;

const SOON: Duration = Duration::from_secs(15);

/// A box whose proxy has this in its `http` block.
fn web(http: &str) -> Node {
    let program = match std::env::var_os("NGINX_BIN") {
        Some(path) => Placed { from: path.into(), to: "/usr/local/nginx/sbin/nginx".into() },
        None => rkeep().as_nginx(),
    };
    let node = Node::new("web", "127.0.0.1 localhost\n", &[program]).unwrap();
    node.shell("ip link set lo up; mkdir -p /usr/local/nginx/logs /usr/local/nginx/html").unwrap();
    let conf = format!(
        "user root root;\nworker_processes 1;\nerror_log logs/error.log info;\npid logs/nginx.pid;\nevents {{}}\n\
         http {{\n access_log logs/access.log;\n {http}\n}}\n"
    );
    node.write("/usr/local/nginx/conf/nginx.conf", conf).unwrap();
    node
}

fn start(node: &Node) {
    let start = "/usr/local/nginx/sbin/nginx -p /usr/local/nginx/ -c conf/nginx.conf -e logs/error.log";
    let ended = node.shell(start).unwrap();
    assert_eq!((ended.code(), ended.stderr.as_str()), (Some(0), ""));
    assert!(eventually(SOON, || node.within(|| TcpStream::connect(("127.0.0.1", 80))).is_ok()));
}

/// A backend at an address of the box: what it is sent it notes, what it answers is always the same.
fn backend(node: &Node, address: Ipv4Addr, answer: &'static str) -> Arc<Mutex<Vec<String>>> {
    let noted = Arc::new(Mutex::new(Vec::new()));
    let listener = node.within(move || TcpListener::bind((address, 9000))).unwrap();
    let note = Arc::clone(&noted);
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut buffer = [0; 4096];
            let read = client.read(&mut buffer).unwrap_or(0);
            let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
            note.lock().unwrap().push(request.lines().next().unwrap_or_default().to_owned());
            let _ = client.write_all(answer.as_bytes());
        }
    });
    noted
}

/// All that comes for a GET with these header lines, until the proxy closes.
fn get(node: &Node, path: &str, more: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}Connection: close\r\n\r\n");
    node.within(move || {
        let mut client = TcpStream::connect(("127.0.0.1", 80))?;
        client.set_read_timeout(Some(Duration::from_secs(5)))?;
        client.write_all(request.as_bytes())?;
        let mut answer = String::new();
        client.read_to_string(&mut answer)?;
        Ok(answer)
    })
    .unwrap()
}

#[test]
fn added_fields_are_inherited_as_add_header_inherit_says() {
    let node = web("add_header X-Outer outer;
         server {
            listen 80;
            location /all { return 200 ok; }
            location /own { add_header X-Inner inner; return 200 ok; }
            location /merge { add_header_inherit merge; add_header X-Inner inner; return 200 ok; }
            location /merge/bare { add_header_inherit merge; return 200 ok; }
            location /off { add_header_inherit off; return 200 ok; }
            location /off/own { add_header_inherit off; add_header X-Inner inner; return 200 ok; }
            location /outer/ {
                add_header_inherit merge;
                add_header X-Middle middle;
                location /outer/in { add_header X-Inner inner; return 200 ok; }
            }
         }");
    start(&node);
    let fields = |path: &str| {
        let answer = get(&node, path, "");
        let own = answer.lines().filter_map(|line| line.strip_prefix("X-")?.split(':').next());
        own.map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(fields("/all"), "Outer");
    assert_eq!(fields("/own"), "Inner");
    assert_eq!(fields("/merge"), "Inner Outer");
    assert_eq!(fields("/merge/bare"), "Outer");
    assert_eq!(fields("/off"), "");
    assert_eq!(fields("/off/own"), "Inner");
    assert_eq!(fields("/outer/in"), "Inner Middle Outer", "what is said holds inside, too");
}

const HINTING: &str = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n\
                       HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

#[test]
fn early_hints_are_passed_on_to_those_who_are_to_have_them() {
    let node = web(
        "map $http_sec_fetch_mode $early { navigate yes; }
         server { listen 80; early_hints $early; proxy_http_version 1.1; location / { proxy_pass http://127.0.0.1:9000; } }",
    );
    backend(&node, Ipv4Addr::LOCALHOST, HINTING);
    start(&node);
    let answer = get(&node, "/", "Sec-Fetch-Mode: navigate\r\n");
    assert!(
        answer.starts_with("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{answer}"
    );
    let answer = get(&node, "/", "Sec-Fetch-Mode: cors\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok"), "{answer}");
}

const PLAIN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";

#[test]
fn what_is_run_after_an_answer_shows_the_client_nothing() {
    let node = web("server {
            listen 80;
            location / { root html; post_action /after; }
            location /after { proxy_pass http://127.0.0.1:9000/told?of=$request_uri; }
         }");
    node.write("/usr/local/nginx/html/file", "file").unwrap();
    let noted = backend(&node, Ipv4Addr::LOCALHOST, PLAIN);
    start(&node);
    let answer = get(&node, "/file", "");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nfile"), "{answer}");
    let told = || noted.lock().unwrap().clone();
    assert!(eventually(SOON, || !told().is_empty()), "nothing is run");
    assert_eq!(told(), ["GET /told?of=/file HTTP/1.1"]);
}

/// A name server that tells one address of all names.
fn name_server(node: &Node, address: &Arc<Mutex<Ipv4Addr>>) {
    let socket = node.within(|| UdpSocket::bind(("127.0.0.1", 5353))).unwrap();
    let address = Arc::clone(address);
    std::thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question) {
            let asked_for_ipv4 = question[length - 4..length] == [0, 1, 0, 1];
            let mut answer = question[..length].to_vec();
            answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(asked_for_ipv4)]);
            if asked_for_ipv4 {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
                answer.extend(address.lock().unwrap().octets());
            }
            let _ = socket.send_to(&answer, from);
        }
    });
}

#[test]
fn servers_of_an_upstream_follow_their_names() {
    let node =
        web("upstream named { zone named 64k; resolver 127.0.0.1:5353 valid=1s; server backend.test:9000 resolve; }
         server { listen 80; location / { proxy_pass http://named; add_header X-Server $upstream_addr; } }");
    let (one, two) = (Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 0, 0, 2));
    let address = Arc::new(Mutex::new(one));
    name_server(&node, &address);
    backend(&node, one, PLAIN);
    backend(&node, two, PLAIN);
    start(&node);
    let served_by = |by: Ipv4Addr| {
        let answer = get(&node, "/", "");
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains(&format!("X-Server: {by}:9000\r\n"))
    };
    assert!(eventually(SOON, || served_by(one)), "{}", get(&node, "/", ""));
    *address.lock().unwrap() = two;
    assert!(eventually(SOON, || served_by(two)), "{}", get(&node, "/", ""));
    assert!((0..10).all(|_| served_by(two)), "the address that has gone is asked no more");
}
