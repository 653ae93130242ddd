//! Debian's nginx and rkeep with the same configuration, and asking both the same.

use std::fmt;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use rkeep_compat_tests::proxy::{Proxy, free_port};
use socket2::{Domain, Socket, Type};

use super::case::{Case, Request};

/// Both of them. They end with it.
pub struct Proxies {
    nginx: Listening,
    rkeep: Listening,
}

/// One, and where it listens.
struct Listening {
    port: u16,
    _proxy: Proxy,
}

/// What a client saw: the servers asked, their statuses, the answer's status.
#[derive(Clone, PartialEq, Eq)]
pub struct Seen(String);

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Proxies {
    /// Starts both.
    pub fn start(cases: &[Case]) -> Proxies {
        let nginx = Listening::start(Command::new("/usr/sbin/nginx"), "nginx", cases);
        Proxies { nginx, rkeep: Listening::start(Proxy::rkeep(), "rkeep", cases) }
    }

    /// Asks both at the same time.
    pub fn ask(&self, path: &str, request: &Request) -> (Seen, Seen) {
        thread::scope(|scope| {
            let other = scope.spawn(|| ask(self.nginx.port, path, request));
            let seen = ask(self.rkeep.port, path, request);
            (other.join().expect("asked"), seen)
        })
    }
}

impl Listening {
    fn start(command: Command, name: &str, cases: &[Case]) -> Listening {
        let directory = std::env::temp_dir().join(format!("balance_diff.{}.{name}", std::process::id()));
        let port = free_port();
        let configuration = configuration(cases, port, &directory);
        Listening { port, _proxy: Proxy::start(command, &directory, &configuration, port) }
    }
}

fn configuration(cases: &[Case], port: u16, directory: &Path) -> String {
    let blocks: Vec<_> = cases.iter().map(Case::blocks).collect();
    let upstreams: String = blocks.iter().map(|(upstream, _)| upstream.as_str()).collect();
    let locations: String = blocks.iter().map(|(_, location)| location.as_str()).collect();
    let at = |name: &str| -> PathBuf { directory.join(name) };
    let temp: String =
        ["client_body", "proxy"].map(|kind| format!("{kind}_temp_path {};\n", at(kind).display())).concat();
    format!(
        "#rkeep: compat nginx=1.22\n\
         daemon off; master_process off; pid {pid}; error_log {log} info;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; {temp}\n{upstreams}\n\
         server {{ listen 127.0.0.1:{port}; proxy_read_timeout 150ms;\n\
         add_header X-Tries \"$upstream_addr | $upstream_status\" always;\n{locations} }} }}\n",
        pid = at("pid").display(),
        log = at("error.log").display(),
    )
}

fn ask(port: u16, path: &str, request: &Request) -> Seen {
    let answer = exchange(port, path, request).unwrap_or_else(|error| error.to_string());
    let status = answer.lines().next().and_then(|line| line.split(' ').nth(1)).unwrap_or("no answer");
    let tries = answer.lines().find_map(|line| line.strip_prefix("X-Tries: ")).unwrap_or(&answer);
    Seen(format!("[{tries}] {status}"))
}

fn exchange(port: u16, path: &str, request: &Request) -> std::io::Result<String> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((request.from, 0)).into())?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = TcpStream::from(socket);
    let body = if request.post { "Content-Length: 4\r\n\r\nbody" } else { "\r\n" };
    let method = if request.post { "POST" } else { "GET" };
    stream.write_all(format!("{method} {path} HTTP/1.0\r\nHost: h\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
