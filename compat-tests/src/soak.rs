//! Mixed load through one director while it is reloaded every second and a backend is killed and revived: what fails?

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rkeep::rehearse::cluster::DIRECTORS;
use rkeep::rehearse::http::{Connection, Reply, Target};
use rkeep::rehearse::{Cast, Cluster, Files, Server, Subject, Task, eventually};
use rustix::process::Signal;

use crate::resident;

/// Every so often the backend is killed; half of that later it is started again.
const KILL: Duration = Duration::from_secs(5);
const RELOAD: Duration = Duration::from_secs(1);
/// Between two requests of one client, so that the load leaves the machine some air.
const PAUSE: Duration = Duration::from_millis(2);
const BODY: usize = 10 << 10;

/// What the clients and the director's memory have shown.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// GETs, and the failed ones among them with their errors.
    pub gets: usize,
    /// What failed GETs failed with.
    pub failed_gets: Vec<String>,
    /// POSTs.
    pub posts: usize,
    /// What failed POSTs failed with.
    pub failed_posts: Vec<String>,
    /// How often a kept connection was found closed before a request.
    pub reopened: usize,
    /// How often the backend was killed.
    pub kills: usize,
    /// How often the director was reloaded.
    pub reloads: usize,
    /// Resident memory of the director's nginx after a fifth of the time, in KiB.
    pub early: usize,
    /// The same at the end.
    pub late: usize,
}

/// How many POSTs can be in flight at a kill.
pub const POSTERS: usize = 2;

impl Sums {
    fn add(&mut self, other: Sums) {
        self.gets += other.gets;
        self.failed_gets.extend(other.failed_gets);
        self.posts += other.posts;
        self.failed_posts.extend(other.failed_posts);
        self.reopened += other.reopened;
    }

    /// What of the promise does not hold: no GET fails, no more POSTs than were in flight at the kills, memory stays.
    /// The original closes kept connections at each reload, so it loses what is just on its way there.
    pub fn broken(&self, subject: &Subject) -> Vec<String> {
        let mut broken = Vec::new();
        let forgiven = if *subject == Subject::Original { self.reloads * (POSTERS + 2) } else { 0 };
        if self.failed_gets.len() > forgiven {
            broken.push(format!("{} GETs failed: {:?}", self.failed_gets.len(), self.failed_gets.first()));
        }
        if self.failed_posts.len() > self.kills * POSTERS + forgiven {
            broken.push(format!("{} POSTs failed: {:?}", self.failed_posts.len(), self.failed_posts.first()));
        }
        // A few megabytes more are an allocator's habit, not a leak.
        if self.late > self.early + self.early / 4 + 8192 {
            broken.push(format!("memory grew from {} to {} KiB", self.early, self.late));
        }
        broken
    }
}

impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} GETs, {} failed; {} POSTs, {} failed",
            self.gets,
            self.failed_gets.len(),
            self.posts,
            self.failed_posts.len()
        )?;
        writeln!(f, "{} reloads, {} kills, {} kept connections found closed", self.reloads, self.kills, self.reopened)?;
        write!(f, "memory {} KiB after a fifth of the time, {} KiB at the end", self.early, self.late)
    }
}

/// Runs it for that long.
///
/// # Errors
/// The cluster does not come up, or a reload is refused.
pub fn soak(subject: &Subject, time: Duration) -> io::Result<Sums> {
    let cluster = Cluster::build(&Cast::all(subject), &Files::article())?;
    for web in &cluster.webs {
        prepare(web)?;
    }
    let director = &cluster.directors[1];
    director.start_nginx()?;
    let stop = Arc::new(AtomicBool::new(false));
    let clients = clients(&cluster, &stop)?;
    let disturbed = disturb(&cluster, time);
    stop.store(true, Ordering::Relaxed);
    let mut sums = Sums::default();
    for client in clients {
        sums.add(client.join()?);
    }
    let Disturbed { kills, reloads, early, late } = disturbed?;
    Ok(Sums { kills, reloads, early, late, ..sums })
}

/// Gives a web server something to POST to and a larger file.
fn prepare(web: &Server) -> io::Result<()> {
    let path = "/usr/local/nginx/conf/nginx.conf";
    let conf = web
        .node
        .read(path)?
        .replace("        location / {", "        location /post { return 200 taken; }\n        location / {");
    web.node.write(path, conf)?;
    let root = (1..=3).map(|number| format!("/usr/local/nginx/html/s{number}"));
    for root in root {
        web.node.write(format!("{root}/large"), vec![b'x'; 64 << 10])?;
    }
    let ended = web.nginx(&["-s", "reload"])?;
    let target = Target::new(web.address);
    let ready = || web.node.within(move || target.get("/post")).is_ok_and(|reply| reply.status == 200);
    if ended.code() == Some(0) && eventually(Duration::from_secs(10), ready) {
        return Ok(());
    }
    Err(io::Error::other(format!("web server {} does not reload: {}", web.address, ended.stderr)))
}

struct Disturbed {
    kills: usize,
    reloads: usize,
    early: usize,
    late: usize,
}

/// Reloads, kills and revives until the time is over.
fn disturb(cluster: &Cluster, time: Duration) -> io::Result<Disturbed> {
    let (director, victim) = (&cluster.directors[1], &cluster.webs[0]);
    let start = Instant::now();
    let mut sums = Disturbed { kills: 0, reloads: 0, early: 0, late: 0 };
    let mut alive = true;
    while start.elapsed() < time {
        std::thread::sleep(RELOAD.saturating_sub(Duration::from_millis(20)));
        let ended = director.nginx(&["-s", "reload"])?;
        if ended.code() != Some(0) {
            return Err(io::Error::other(ended.stderr));
        }
        sums.reloads += 1;
        let down = start.elapsed().as_millis() % KILL.as_millis() >= KILL.as_millis() / 2;
        if down && alive {
            victim.node.signal_all("nginx", Signal::KILL)?;
            sums.kills += 1;
        } else if !down && !alive {
            victim.node.write("/usr/local/nginx/logs/nginx.pid", "")?;
            victim.start_nginx()?;
        }
        alive = !down;
        if sums.early == 0 && start.elapsed() > time / 5 {
            sums.early = resident::of(&director.node, "nginx")?;
        }
    }
    sums.late = resident::of(&director.node, "nginx")?;
    Ok(sums)
}

fn clients(cluster: &Cluster, stop: &Arc<AtomicBool>) -> io::Result<Vec<Task<Sums>>> {
    let target = Target::new(DIRECTORS[1]);
    let client = |job: fn(Target, &AtomicBool) -> Sums| {
        let stop = Arc::clone(stop);
        cluster.client.thread(move || job(target, &stop))
    };
    let posters = (0..POSTERS).map(|_| client(post_kept));
    [client(get_new), client(get_kept), client(get_large)].into_iter().chain(posters).collect()
}

fn get_new(target: Target, stop: &AtomicBool) -> Sums {
    let mut sums = Sums::default();
    while !stop.load(Ordering::Relaxed) {
        sums.gets += 1;
        sums.failed_gets.extend(wrong(target.get("/")));
        std::thread::sleep(PAUSE);
    }
    sums
}

fn get_kept(target: Target, stop: &AtomicBool) -> Sums {
    kept(target, stop, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn get_large(target: Target, stop: &AtomicBool) -> Sums {
    kept(target, stop, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post_kept(target: Target, stop: &AtomicBool) -> Sums {
    let body = "y".repeat(BODY);
    let request = format!("POST /post HTTP/1.1\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n{body}");
    let sums = kept(target, stop, &request);
    Sums { posts: sums.gets, failed_posts: sums.failed_gets, reopened: sums.reopened, ..Sums::default() }
}

/// One request after another on a kept connection.
fn kept(target: Target, stop: &AtomicBool, request: &str) -> Sums {
    let mut sums = Sums::default();
    let mut connection: Option<Connection> = None;
    while !stop.load(Ordering::Relaxed) {
        sums.gets += 1;
        if connection.as_mut().is_some_and(Connection::is_closed) {
            sums.reopened += 1;
            connection = None;
        }
        let reply = connection.take().map_or_else(|| target.connect(), Ok).and_then(|mut open| {
            open.send(request.as_bytes())?;
            let reply = open.reply()?;
            connection = (!reply.closes).then_some(open);
            Ok(reply)
        });
        sums.failed_gets.extend(wrong(reply));
        std::thread::sleep(PAUSE);
    }
    sums
}

fn wrong(reply: io::Result<Reply>) -> Option<String> {
    match reply {
        Ok(reply) if reply.status == 200 => None,
        Ok(reply) => Some(reply.head),
        Err(error) => Some(error.to_string()),
    }
}
