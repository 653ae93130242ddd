//! The boxes that a rehearsal plays on, whoever has planned them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use super::cluster::{CLIENTS, Cluster};
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
    pub clients: Vec<Ipv4Addr>,
    /// Mails arrive here, if the files name a server.
    pub mail: Option<MailSink>,
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
    pub server: Server,
}

impl Web {
    /// Ends it as a crash would.
    ///
    /// # Errors
    /// As [`Node::crash`].
    pub fn kill(&self) -> io::Result<()> {
        self.server.node.crash("nginx").map(drop)
    }

    /// Starts it again.
    ///
    /// # Errors
    /// As [`Server::start_nginx`].
    pub fn start(&self) -> io::Result<()> {
        self.server.start_nginx()
    }
}

impl Site {
    /// The article's cluster.
    pub fn article(cluster: Cluster, pair: Pair) -> Site {
        let Cluster { lan, directors, webs, client, mail, post } = cluster;
        let web = |(number, server): (usize, Server)| Web {
            address: (server.address, 80).into(),
            says: format!("server{}", number + 1),
            server,
        };
        let webs = webs.into_iter().enumerate().map(web).collect();
        let (mail, rest) = (Some(mail), vec![post]);
        Site { lans: vec![lan], directors, webs, client, clients: CLIENTS.to_vec(), mail, rest, pair }
    }

    /// All boxes with what they are.
    pub fn boxes(&self) -> Vec<(&Node, &'static str)> {
        let directors = self.directors.iter().map(|director| (&director.node, "director"));
        let webs = self.webs.iter().map(|web| (&web.server.node, "web server"));
        let rest = self.rest.iter().map(|node| (node, "mail server"));
        directors.chain(webs).chain([(&self.client, "clients")]).chain(rest).collect()
    }

    /// What servers are called by the bodies of their answers.
    pub fn name_of(&self, address: SocketAddr) -> Option<&str> {
        self.webs.iter().find(|web| web.address == address).map(|web| web.says.as_str())
    }
}
