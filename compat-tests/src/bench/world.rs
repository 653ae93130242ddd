//! The box, the proxies in it, and one measurement.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rkeep::rehearse::{Node, Placed, Running, eventually};
use rustix::process::Signal;

use super::case::{CLOSE, Case, DIRECT, FILES, GRPC, HTTP2, KEEP, RESUMED, RSA, TLS, UNLOGGED};
use super::{Build, Sample, cpu, idle, load};

const BACKEND: &str = "/usr/local/bin/bench";
/// Where the backend listens, at any loopback address.
const BACKEND_PORT: u16 = 9000;
/// Where one of HTTP/2 listens.
const HTTP2_BACKEND_PORT: u16 = 9001;
/// Proxies have this prefix and a file of their own below it.
const PREFIX: &str = "/run";

/// A proxy that runs.
#[derive(Debug)]
pub struct Proxy {
    /// `nginx`, `rkeep`, `haproxy`, or the name of another build of rkeep.
    pub name: String,
    first_port: u16,
    running: Running,
}

/// The box with everything that runs in it.
#[derive(Debug)]
pub struct World {
    proxies: Vec<Proxy>,
    node: Node,
}

impl World {
    /// Builds the box and starts everything.
    ///
    /// # Errors
    /// Something does not start, or does not listen.
    pub fn build(builds: &[Build]) -> io::Result<World> {
        let placed = |from: &Path, to: &str| Placed { from: from.to_owned(), to: to.into() };
        let program = |build: &Build| format!("/usr/local/sbin/{}", build.name);
        let mut programs = vec![placed(&std::env::current_exe()?, BACKEND)];
        programs.extend(builds.iter().map(|build| placed(&build.path, &program(build))));
        let node = Node::new("bench", "127.0.0.1 localhost\n", &programs)?;
        furnish(&node)?;
        let mut world = World { proxies: Vec::new(), node };
        world.start(1, &[BACKEND, "--backend", &BACKEND_PORT.to_string()], BACKEND_PORT)?;
        let callee = format!("{PREFIX}/callee.conf");
        world.node.write(&callee, callee_conf())?;
        world.start(1, &["/usr/sbin/nginx", "-p", PREFIX, "-e", "stderr", "-c", &callee], HTTP2_BACKEND_PORT)?;
        world.proxy("nginx", 8100, &["/usr/sbin/nginx", "-p", PREFIX, "-e", "stderr", "-c"], nginx_conf)?;
        world.proxy("haproxy", 8200, &["/usr/sbin/haproxy", "-W", "-f"], haproxy_conf)?;
        for (build, port) in builds.iter().zip((8300..).step_by(100)) {
            world.proxy(
                &build.name,
                port,
                &[&program(build), "nginx", "-p", PREFIX, "-e", "stderr", "-c"],
                nginx_conf,
            )?;
        }
        Ok(world)
    }

    fn start(&self, core: usize, words: &[&str], port: u16) -> io::Result<Running> {
        let core = core.to_string();
        let pinned = [&["taskset", "-c", &core, "nice", "-n", "-20"], words].concat();
        let running = self.node.start(&pinned)?;
        let listens = || self.node.within(move || std::net::TcpStream::connect(("127.0.0.1", port))).is_ok();
        if eventually(Duration::from_secs(10), listens) {
            return Ok(running);
        }
        let text = format!("{} does not listen on port {port}: {}", words.join(" "), running.stderr());
        Err(io::Error::new(io::ErrorKind::NotConnected, text))
    }

    fn proxy(
        &mut self,
        name: &str,
        first_port: u16,
        command: &[&str],
        conf: fn(&str, u16) -> String,
    ) -> io::Result<()> {
        let file = format!("{PREFIX}/{name}.conf");
        self.node.write(&file, conf(name, first_port))?;
        let running = self.start(0, &[command, &[&file]].concat(), first_port)?;
        self.proxies.push(Proxy { name: name.to_owned(), first_port, running });
        Ok(())
    }

    /// The proxies that do a case's work, nginx first.
    pub fn proxies(&self, case: &Case) -> Vec<&Proxy> {
        self.proxies.iter().filter(|proxy| case.haproxy || proxy.name != "haproxy").collect()
    }

    /// Ends the proxies as an operator would: what they write at their end (a profile, say) is written.
    pub fn end(&self) {
        for proxy in &self.proxies {
            let _ = proxy.running.signal(Signal::TERM);
            eventually(Duration::from_secs(5), || !proxy.running.runs().unwrap_or(false));
        }
    }

    /// Loads a proxy for some time.
    ///
    /// # Errors
    /// Requests fail.
    pub fn measure(&self, proxy: &Proxy, case: &Case, time: Duration) -> io::Result<Sample> {
        if case.post > 0 {
            self.node.write(load::POST, load::post_script(case.post))?;
        }
        let pid = proxy.running.pid().map_or(0, |pid| pid.as_raw_pid());
        let (began, before) = (Instant::now(), cpu::used(pid));
        let ended = self.node.run(&load::command(case, proxy.first_port + case.port, time))?;
        let (wall, cpu) = (began.elapsed(), cpu::used(pid).saturating_sub(before));
        let requests = load::requests(case, &ended.stdout)
            .map_err(|why| io::Error::other(format!("{}, {}: {why}{}", case.name, proxy.name, ended.stderr)))?;
        let cost = cpu.as_secs_f64() * 1e6 / requests as f64;
        Ok(Sample { cost, busy: cpu.as_secs_f64() / wall.as_secs_f64() })
    }

    /// How much more memory a proxy takes for each TLS connection that waits; the first many only warm it up.
    ///
    /// # Errors
    /// A connection is not answered.
    pub fn weigh(&self, proxy: &Proxy) -> io::Result<u64> {
        let pid = proxy.running.pid().map_or(0, |pid| pid.as_raw_pid());
        let port = (proxy.first_port + TLS).to_string();
        let mut holders = Vec::new();
        let mut weights = Vec::new();
        for n in 0..2 {
            let done = format!("{}.{}.{n}", idle::DONE, proxy.name);
            holders.push(self.node.start(&["taskset", "-c", "1", BACKEND, "--hold", &port, &done])?);
            if !eventually(Duration::from_secs(30), || self.node.read(&done).is_ok()) {
                let said = holders.last().map(Running::stderr).unwrap_or_default();
                return Err(io::Error::other(format!("{} does not answer all: {said}", proxy.name)));
            }
            std::thread::sleep(Duration::from_secs(1));
            weights.push(idle::memory(pid));
        }
        for holder in holders {
            holder.signal(Signal::KILL)?;
        }
        let more = weights.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).sum::<u64>();
        Ok(more / idle::HELD as u64)
    }
}

/// Files, and cubic.
fn furnish(node: &Node) -> io::Result<()> {
    for network in ["127.0.0.0/8", "127.0.0.1"] {
        // By the route: what is not a default may not be chosen for a whole box.
        let route = format!("local {network} dev lo table local proto kernel scope host src 127.0.0.1 congctl cubic");
        let set = node.shell(&format!("ip link set lo up && ip route replace {route}"))?;
        if !set.status.success() {
            return Err(io::Error::other(format!("no cubic on loopback: {}", set.stderr)));
        }
    }
    for (kind, name) in [("ec -pkeyopt ec_paramgen_curve:P-256", ""), ("rsa:2048", "rsa.")] {
        let made = node.shell(&format!(
            "openssl req -x509 -nodes -days 9 -subj /CN=localhost -newkey {kind} \
             -keyout /run/{name}key.pem -out /run/{name}certificate.pem"
        ))?;
        if !made.status.success() {
            return Err(io::Error::other(format!("no certificate: {}", made.stderr)));
        }
    }
    node.write(load::MESSAGE, load::message())?;
    node.write("/proc/sys/net/ipv4/ip_local_port_range", "10000 65535")?;
    node.write("/run/files/1k", vec![b'x'; 1 << 10])?;
    node.write("/run/files/100k", vec![b'x'; 100 << 10])
}

/// What passes requests on over connections that are kept.
const KEPT: &str = "        proxy_http_version 1.1;
        proxy_set_header Connection \"\";
        proxy_set_header Host $proxy_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Real-IP $remote_addr;
        location / { proxy_pass http://kept; }
";

/// A backend for calls of gRPC: what it costs does not count, so the original does. It takes a call's message whole before
/// it answers, lest it breaks the stream off.
fn callee_conf() -> String {
    let answer = "x".repeat(64);
    format!(
        "user root;
daemon off;
pid /run/callee.pid;
error_log /run/callee.error.log error;
events {{ worker_connections 20000; }}
http {{
    access_log off;
    keepalive_requests 100000000;
    server {{
        listen {HTTP2_BACKEND_PORT} http2;
        add_trailer grpc-status 0;
        location / {{ proxy_pass http://unix:/run/callee.sock; }}
    }}
    server {{
        listen unix:/run/callee.sock;
        default_type application/grpc;
        return 200 {answer};
    }}
}}
"
    )
}

fn nginx_conf(name: &str, port: u16) -> String {
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path /run/{name}.{kind};\n"))
        .concat();
    let servers: String = (1..5).map(|n| format!(" server 127.0.0.1{n}:{BACKEND_PORT};")).collect();
    let (keep, close, files) = (port + KEEP, port + CLOSE, port + FILES);
    let (unlogged, tls, http2, body) = (port + UNLOGGED, port + TLS, port + HTTP2, "x".repeat(1024));
    let (rsa, resumed, grpc) = (port + RSA, port + RESUMED, port + GRPC);
    format!(
        "user root;
worker_processes 1;
daemon off;
pid /run/{name}.pid;
error_log /run/{name}.error.log error;
events {{ worker_connections 20000; }}
http {{
    access_log /run/{name}.access.log combined;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 75s;
    keepalive_requests 100000000;
    client_body_buffer_size 16k;
{temp}    upstream kept {{ server 127.0.0.1:{BACKEND_PORT}; keepalive 512; keepalive_requests 100000000; }}
    upstream new {{{servers} }}
    upstream callee {{ server 127.0.0.1:{HTTP2_BACKEND_PORT}; keepalive 512; keepalive_requests 100000000; }}
    ssl_protocols TLSv1.2 TLSv1.3;
    proxy_set_header Host $proxy_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Real-IP $remote_addr;
    server {{
        listen 127.0.0.1:{keep};
{KEPT}    }}
    server {{
        listen 127.0.0.1:{unlogged};
        listen 127.0.0.1:{tls} ssl;
        listen 127.0.0.1:{http2} http2;
        ssl_certificate /run/certificate.pem;
        ssl_certificate_key /run/key.pem;
        ssl_session_tickets off;
        access_log off;
{KEPT}        location {DIRECT} {{ return 200 {body}; }}
    }}
    server {{
        listen 127.0.0.1:{rsa} ssl;
        ssl_certificate /run/rsa.certificate.pem;
        ssl_certificate_key /run/rsa.key.pem;
        ssl_session_tickets off;
        access_log off;
        location {DIRECT} {{ return 200 {body}; }}
    }}
    server {{
        listen 127.0.0.1:{resumed} ssl;
        ssl_certificate /run/certificate.pem;
        ssl_certificate_key /run/key.pem;
        ssl_session_cache shared:sessions:1m;
        access_log off;
        location {DIRECT} {{ return 200 {body}; }}
    }}
    server {{
        listen 127.0.0.1:{grpc} http2;
        access_log off;
        location / {{ grpc_pass grpc://callee; }}
    }}
    server {{
        listen 127.0.0.1:{close};
        proxy_http_version 1.0;
        location / {{ proxy_pass http://new; }}
    }}
    server {{
        listen 127.0.0.1:{files};
        root /run/files;
        open_file_cache max=1000;
    }}
}}
"
    )
}

fn haproxy_conf(_: &str, port: u16) -> String {
    let servers: String = (1..5).map(|n| format!("    server s{n} 127.0.0.1{n}:{BACKEND_PORT}\n")).collect();
    let (keep, close, unlogged) = (port + KEEP, port + CLOSE, port + UNLOGGED);
    format!(
        "global
    nbthread 1
    maxconn 9600
    maxpipes 128
defaults
    mode http
    timeout connect 5s
    timeout client 75s
    timeout server 60s
    option forwardfor
    http-reuse always
listen kept
    bind 127.0.0.1:{keep}
    bind 127.0.0.1:{unlogged}
    http-request set-header X-Real-IP %[src]
    server s 127.0.0.1:{BACKEND_PORT} pool-max-conn 512
listen new
    bind 127.0.0.1:{close}
    http-request set-header X-Real-IP %[src]
    option httpclose
    http-reuse never
{servers}"
    )
}
