//! The article's cluster: two directors with a virtual address, three web servers, clients and a mail server.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{Ended, Lan, MailSink, Node, Placed, Running, Subject, eventually};

/// The directors.
pub const DIRECTORS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 3, 1), Ipv4Addr::new(192, 168, 3, 2)];
/// The web servers; the article's one machine with three addresses is three boxes here.
pub const WEBS: [Ipv4Addr; 3] =
    [Ipv4Addr::new(192, 168, 3, 4), Ipv4Addr::new(192, 168, 3, 5), Ipv4Addr::new(192, 168, 3, 6)];
/// The clients: one box with these addresses.
pub const CLIENTS: [Ipv4Addr; 4] = [
    Ipv4Addr::new(192, 168, 3, 101),
    Ipv4Addr::new(192, 168, 3, 102),
    Ipv4Addr::new(192, 168, 3, 103),
    Ipv4Addr::new(192, 168, 3, 104),
];
/// The address that the directors share.
pub const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 253);
/// The mail server, `www.linuxzen.com`.
pub const MAIL: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 20);

/// What every box knows by name.
const HOSTS: &str = "127.0.0.1 localhost\n192.168.3.20 www.linuxzen.com\n";

/// The article's files, the `nginx.conf` completed.
pub mod article {
    use std::path::Path;

    use rkeep_parsers::keepalived::{self, AnyMachine, Mode};
    use rkeep_parsers::lower::Loaded;
    use rkeep_parsers::nginx;
    use rkeep_parsers::source::MapLoader;
    use rkeep_parsers::table::Compat;

    use super::super::pair::Pair;
    use super::{DIRECTORS, MAIL};

    /// Both directors' `nginx.conf`.
    pub const NGINX: [&str; 2] = [
        include_str!("../../testdata/article/completed/master-nginx.conf"),
        include_str!("../../testdata/article/completed/backup-nginx.conf"),
    ];
    /// Both directors' `keepalived.conf`.
    pub const KEEPALIVED: [&str; 2] = [
        include_str!("../../testdata/article/literal/master-keepalived.conf"),
        include_str!("../../testdata/article/literal/backup-keepalived.conf"),
    ];
    /// What the `nginx.conf` include.
    pub const MIME_TYPES: &str = include_str!("../../testdata/article/completed/mime.types");

    /// What the files say to the drills.
    ///
    /// # Errors
    /// They are not understood.
    pub fn pair() -> std::io::Result<Pair> {
        let nginx = NGINX.map(|text| read_nginx(text).ir);
        let keepalived = KEEPALIVED.map(|text| read_keepalived(text).ir);
        let ([Some(n1), Some(n2)], [Some(k1), Some(k2)]) = (&nginx, &keepalived) else {
            return Err(std::io::ErrorKind::InvalidData.into());
        };
        Ok(Pair::read([k1, k2], [n1, n2], DIRECTORS.map(|own| vec![own.into()])))
    }

    fn read_nginx(text: &str) -> Loaded {
        let files = MapLoader::default().file("/conf/nginx.conf", text).file("/conf/mime.types", MIME_TYPES);
        nginx::load(Path::new("/conf/nginx.conf"), Path::new("/"), None, &files, Compat::default())
    }

    fn read_keepalived(text: &str) -> Loaded {
        let files = MapLoader::default().file("/keepalived.conf", text).host("www.linuxzen.com", &[MAIL.into()]);
        keepalived::load(Path::new("/keepalived.conf"), "", &files, &AnyMachine, Mode::Check { own: false })
    }
}

/// Who plays which role.
#[derive(Clone, Debug)]
pub struct Cast {
    /// nginx on the directors.
    pub nginx: [Subject; 2],
    /// keepalived on the directors.
    pub keepalived: [Subject; 2],
    /// nginx on the web servers.
    pub webs: Subject,
}

impl Cast {
    /// The same in every role.
    pub fn all(subject: &Subject) -> Cast {
        let pair = [subject.clone(), subject.clone()];
        Cast { nginx: pair.clone(), keepalived: pair, webs: subject.clone() }
    }
}

/// The files that the directors run with.
#[derive(Clone, Debug)]
pub struct Files {
    /// `nginx.conf` on each.
    pub nginx: [String; 2],
    /// `keepalived.conf` on each.
    pub keepalived: [String; 2],
}

impl Files {
    /// The article's.
    pub fn article() -> Files {
        Files { nginx: article::NGINX.map(str::to_owned), keepalived: article::KEEPALIVED.map(str::to_owned) }
    }

    /// The article's, but with the backup's balancing on both directors: the three web servers in turn.
    pub fn balanced() -> Files {
        let [_, backup] = article::NGINX;
        let mut files = Files::article();
        files.nginx = DIRECTORS.map(|own| backup.replace("192.168.3.2:80", &format!("{own}:80")));
        files
    }
}

/// A box that runs an nginx, and perhaps a keepalived.
#[derive(Debug)]
pub struct Server {
    /// The box.
    pub node: Node,
    /// Its address.
    pub address: IpAddr,
    commands: Commands,
}

/// How a box's programs are started.
#[derive(Debug)]
struct Commands {
    nginx: Option<Vec<String>>,
    keepalived: Vec<String>,
}

impl Server {
    fn new(
        lan: &Lan,
        name: &str,
        address: Ipv4Addr,
        nginx: &Subject,
        keepalived: Option<&Subject>,
    ) -> io::Result<Self> {
        let placed: Vec<Placed> =
            [Some(nginx.as_nginx()), keepalived.map(Subject::as_keepalived)].into_iter().flatten().collect();
        let node = Node::new(name, HOSTS, &placed)?;
        lan.plug(&node, &[address])?;
        node.write("/usr/local/nginx/conf/mime.types", article::MIME_TYPES)?;
        let keepalived = keepalived.unwrap_or(nginx).keepalived();
        let address = address.into();
        Ok(Server { node, address, commands: Commands { nginx: Some(nginx.nginx(&[])), keepalived } })
    }

    /// A box with its files in place, and how its programs are started; without an nginx perhaps.
    pub fn operators(node: Node, address: IpAddr, nginx: Option<Vec<String>>, keepalived: Vec<String>) -> Server {
        Server { node, address, commands: Commands { nginx, keepalived } }
    }

    /// Runs nginx's command line with these words, such as `-s reload`.
    ///
    /// # Errors
    /// It cannot be executed.
    pub fn nginx(&self, more: &[&str]) -> io::Result<Ended> {
        let command = self.commands.nginx.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let words: Vec<&str> = command.iter().map(String::as_str).chain(more.iter().copied()).collect();
        self.node.run(&words)
    }

    /// Whether it is to run an nginx.
    pub fn has_nginx(&self) -> bool {
        self.commands.nginx.is_some()
    }

    /// Starts nginx as a daemon.
    ///
    /// # Errors
    /// It does not start; its words are in the error.
    pub fn start_nginx(&self) -> io::Result<()> {
        if !self.has_nginx() {
            return Ok(());
        }
        let ended = self.nginx(&[])?;
        if ended.code() == Some(0) {
            return Ok(());
        }
        let (status, stderr, log) = (ended.status, ended.stderr, self.error_log());
        Err(io::Error::other(format!("nginx on {}: {status:?} {stderr}{log}", self.address)))
    }

    /// What its nginx has logged of errors.
    pub fn error_log(&self) -> String {
        self.node.read("/usr/local/nginx/logs/error.log").unwrap_or_default()
    }

    /// Starts keepalived in the foreground with its log captured.
    ///
    /// # Errors
    /// It cannot be executed.
    pub fn start_keepalived(&self) -> io::Result<Running> {
        self.node.start(&self.commands.keepalived)
    }

    /// How many requests its nginx has logged. The log is written when a request has been answered, so the last one may
    /// still be missing.
    pub fn requests(&self) -> usize {
        self.node.read("/usr/local/nginx/logs/access.log").map_or(0, |log| log.lines().count())
    }

    /// Whether the virtual address is on its interface.
    pub fn owns_vip(&self) -> bool {
        self.node.addresses().is_ok_and(|addresses| addresses.contains(&VIP))
    }
}

/// All of it. Dropping it ends everything.
#[derive(Debug)]
pub struct Cluster {
    /// The network.
    pub lan: Lan,
    /// The master and the backup.
    pub directors: [Server; 2],
    /// The web servers: they answer `server1`, `server2`, `server3`.
    pub webs: [Server; 3],
    /// A box with several addresses: [`CLIENTS`].
    pub client: Node,
    /// Mails arrive here.
    pub mail: MailSink,
    /// The mail server's box, after the server itself so that it ends later.
    pub post: Node,
}

impl Cluster {
    /// Builds the boxes and their files; starts the web servers but no director's programs.
    ///
    /// # Errors
    /// No namespaces, or a web server that does not start.
    pub fn build(cast: &Cast, files: &Files) -> io::Result<Cluster> {
        let lan = Lan::new()?;
        let directors = [director(&lan, 0, cast, files)?, director(&lan, 1, cast, files)?];
        let webs = [web(&lan, 0, &cast.webs)?, web(&lan, 1, &cast.webs)?, web(&lan, 2, &cast.webs)?];
        let client = Node::new("client", HOSTS, &[])?;
        lan.plug(&client, &CLIENTS)?;
        let post = Node::new("post", HOSTS, &[])?;
        lan.plug(&post, &[MAIL])?;
        let mail = MailSink::new(&post, MAIL)?;
        Ok(Cluster { lan, directors, webs, client, mail, post })
    }

    /// Which director has the virtual address, if it is just one.
    pub fn owner(&self) -> Option<usize> {
        match self.directors.each_ref().map(Server::owns_vip) {
            [true, false] => Some(0),
            [false, true] => Some(1),
            _ => None,
        }
    }

    /// Waits until that director alone has the virtual address.
    pub fn owned_by(&self, director: usize, limit: Duration) -> bool {
        eventually(limit, || self.owner() == Some(director))
    }
}

fn director(lan: &Lan, which: usize, cast: &Cast, files: &Files) -> io::Result<Server> {
    let (Some(nginx), Some(keepalived), Some(address)) =
        (cast.nginx.get(which), cast.keepalived.get(which), DIRECTORS.get(which))
    else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let server = Server::new(lan, &format!("lb{}", which + 1), *address, nginx, Some(keepalived))?;
    let file = |files: &[String; 2]| files.get(which).cloned().unwrap_or_default();
    server.node.write("/usr/local/nginx/conf/nginx.conf", file(&files.nginx))?;
    server.node.write("/etc/keepalived/keepalived.conf", file(&files.keepalived))?;
    server.node.write("/proc/sys/net/ipv4/ip_forward", "1")?;
    Ok(server)
}

fn web(lan: &Lan, which: usize, subject: &Subject) -> io::Result<Server> {
    let address = WEBS.get(which).copied().ok_or(io::ErrorKind::InvalidInput)?;
    let number = which + 1;
    let server = Server::new(lan, &format!("web{number}"), address, subject, None)?;
    server.node.write("/usr/local/nginx/conf/nginx.conf", web_conf(address, number))?;
    server.node.write(format!("/usr/local/nginx/html/s{number}/index.html"), format!("server{number}\n"))?;
    server.start_nginx()?;
    Ok(server)
}

/// The article's `server` block for one of the web servers.
fn web_conf(address: Ipv4Addr, number: usize) -> String {
    format!(
        "events {{\n    worker_connections 1024;\n}}\nhttp {{\n    server {{\n        listen {address}:80;\n        \
         server_name {address};\n        location / {{\n            root html/s{number};\n            \
         index index.html index.htm;\n        }}\n    }}\n}}\n"
    )
}
