//! The boxes that a rehearsal plays on, whoever has planned them.

use std::io;
use std::net::{IpAddr, SocketAddr};

use super::cluster::{CLIENTS, Cluster};
use super::own::Stub;
use super::pair::Pair;
use super::{Lan, MailSink, Node, Server};

/// Everything but the directors' own programs runs.
#[derive(Debug)]
pub struct Site {
    /// The networks. The first carries the clients.
    pub lans: Vec<Lan>,
    /// The directors.
    pub directors: [Server; 2],
    /// The servers behind them.
    pub webs: Vec<Web>,
    /// The clients' box.
    pub client: Node,
    /// Their addresses.
    pub clients: Vec<IpAddr>,
    /// Mails arrive here, if the files name a server.
    pub mails: Vec<MailSink>,
    /// Boxes that only have to be there.
    pub rest: Vec<Node>,
    /// What the files say.
    pub pair: Pair,
}

/// A server behind the directors.
#[derive(Debug)]
pub struct Web {
    /// Where it answers.
    pub address: SocketAddr,
    /// The body of its answers.
    pub says: String,
    /// What runs there.
    pub kind: WebKind,
}

/// What a server behind the directors is.
#[derive(Debug)]
pub enum WebKind {
    /// An nginx in a box of its own.
    Nginx(Server),
    /// A stub in a box with others.
    Stub(Stub),
}

impl Web {
    /// Ends it as a crash would.
    ///
    /// # Errors
    /// As [`Node::crash`].
    pub fn kill(&self) -> io::Result<()> {
        match &self.kind {
            WebKind::Nginx(server) => server.node.crash("nginx").map(drop),
            WebKind::Stub(stub) => {
                stub.set_open(false);
                Ok(())
            }
        }
    }

    /// Starts it again.
    ///
    /// # Errors
    /// As [`Server::start_nginx`].
    pub fn start(&self) -> io::Result<()> {
        match &self.kind {
            WebKind::Nginx(server) => server.start_nginx(),
            WebKind::Stub(stub) => {
                stub.set_open(true);
                Ok(())
            }
        }
    }
}

impl Site {
    /// The article's cluster.
    pub fn article(cluster: Cluster, pair: Pair) -> Site {
        let Cluster { lan, directors, webs, client, mail, post } = cluster;
        let web = |(number, server): (usize, Server)| Web {
            address: (server.address, 80).into(),
            says: format!("server{}", number + 1),
            kind: WebKind::Nginx(server),
        };
        let webs = webs.into_iter().enumerate().map(web).collect();
        let (mails, rest) = (vec![mail], vec![post]);
        Site { lans: vec![lan], directors, webs, client, clients: CLIENTS.map(IpAddr::V4).to_vec(), mails, rest, pair }
    }

    /// All boxes with what they are.
    pub fn boxes(&self) -> Vec<(&Node, &'static str)> {
        let directors = self.directors.iter().map(|director| (&director.node, "director"));
        let webs = self.webs.iter().filter_map(|web| match &web.kind {
            WebKind::Nginx(server) => Some((&server.node, "web server")),
            WebKind::Stub(_) => None,
        });
        let rest = self.rest.iter().map(|node| (node, "servers behind the directors"));
        directors.chain(webs).chain([(&self.client, "clients")]).chain(rest).collect()
    }

    /// What servers are called by the bodies of their answers.
    pub fn name_of(&self, address: SocketAddr) -> Option<&str> {
        self.webs.iter().find(|web| web.address == address).map(|web| web.says.as_str())
    }
}
