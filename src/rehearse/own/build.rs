//! A planned simulation made into boxes.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};

use super::plan::{Place, backends, listens_on_virtual, place, sockets};
use super::stub::Stubs;
use super::{PREFIX, Simulation, certificates};
use crate::host::nginx::files::{log_paths, temp_paths};
use crate::plan::cut;
use crate::rehearse::files::Furnishing;
use crate::rehearse::site::{Site, Web, WebKind};
use crate::rehearse::subject::{KEEPALIVED, NGINX};
use crate::rehearse::{Lan, MailSink, Node, Placed, Server};

/// The interface of boxes that are no directors, in the first network and so on.
const OTHERS: &str = "eth";
/// What stands in the place of an operator's script.
const INERT: &str = "/bin/true";
/// What every box knows by name.
const LOCAL_NAME: &str = "127.0.0.1 localhost\n";

/// Builds it, with this program in every role.
///
/// # Errors
/// No namespaces, or an address that two claim.
pub fn build(simulation: Simulation, program: &Path) -> io::Result<Site> {
    let (hosts, stubs) = (hosts(&simulation), stubs(&simulation)?);
    let builder = Builder { program, hosts, stubs, simulation: &simulation };
    let segments = &simulation.networks.segments;
    let lans = segments.iter().map(|_| Lan::new()).collect::<io::Result<Vec<_>>>()?;
    let world = builder.world(&lans)?;
    let directors = [builder.director(&lans, 0)?, builder.director(&lans, 1)?];
    let client = builder.client(&lans)?;
    let webs = builder.webs(&world, &directors)?;
    let mails = builder.mails(&world, &directors)?;
    let mut clients = segments.first().map(|segment| segment.clients.clone()).unwrap_or_default();
    clients.retain(|client| simulation.pair.probe_of(client).is_some());
    let rest = vec![world];
    Ok(Site { lans, directors, webs, client, clients, mails, rest, pair: simulation.pair })
}

struct Builder<'a> {
    simulation: &'a Simulation,
    program: &'a Path,
    hosts: String,
    stubs: Stubs,
}

/// Stubs whose certificate has every name that somebody may look for in it.
fn stubs(simulation: &Simulation) -> io::Result<Stubs> {
    let authority = match &simulation.authority {
        Some(authority) => authority,
        None => &super::Authority::new()?,
    };
    let (own, nginx) = (&simulation.models.keepalived, simulation.models.nginx.as_ref());
    let addresses = backends(own, nginx).into_keys().map(|at| at.ip().to_string());
    let names = nginx.map(certificates::backend_names).unwrap_or_default().into_iter();
    let names: BTreeSet<String> = names.chain(simulation.names.keys().cloned()).chain(addresses).collect();
    Stubs::new(authority, &names.into_iter().collect::<Vec<_>>())
}

fn hosts(simulation: &Simulation) -> String {
    let lines = simulation.names.iter().map(|(name, address)| format!("{address} {name}\n"));
    LOCAL_NAME.to_owned() + &lines.collect::<String>()
}

impl Builder<'_> {
    /// The box behind which everything is that the directors do not know as their own: it has all other addresses.
    fn world(&self, lans: &[Lan]) -> io::Result<Node> {
        let node = Node::new("world", &self.hosts, &[])?;
        for (number, (lan, segment)) in lans.iter().zip(&self.simulation.networks.segments).enumerate() {
            lan.plug_as(&node, &format!("{OTHERS}{number}"), &segment.with_prefix(&segment.world))?;
        }
        node.reach_everything(&format!("{OTHERS}0"))?;
        let named = self.simulation.names.values().copied().chain(self.mail_address()).map(IpAddr::V4);
        let addresses: BTreeSet<IpAddr> = self.stubs(Place::World).map(|at| at.ip()).chain(named).collect();
        let addresses: Vec<_> = addresses.into_iter().filter(|it| !it.is_loopback()).collect();
        node.has_also(&addresses, &format!("{OTHERS}0"))?;
        Ok(node)
    }

    fn director(&self, lans: &[Lan], which: usize) -> io::Result<Server> {
        let Simulation { networks, files, models, .. } = self.simulation;
        let programs = [NGINX, KEEPALIVED].map(|to| Placed { from: self.program.to_owned(), to: to.into() });
        let inert = |script: &PathBuf| Placed { from: INERT.into(), to: script.clone() };
        let scripts = self.simulation.scripts.iter().filter(|path| path.is_file()).map(inert);
        let furnishing = Furnishing {
            hosts: self.hosts.clone(),
            programs: programs.into_iter().chain(scripts).collect(),
            users: self.users(),
            directories: self.directories(),
            files: files[which].clone(),
        };
        let node = Node::furnished(&format!("lb{}", which + 1), &furnishing)?;
        for (lan, segment) in lans.iter().zip(&networks.segments) {
            lan.plug_as(&node, &segment.interface[which], &segment.with_prefix(&segment.own[which]))?;
        }
        if let Some(first) = networks.segments.first() {
            node.reach_everything(&first.interface[which])?;
        }
        node.write("/proc/sys/net/ipv4/ip_forward", "1")?;
        // An address of the link alone that nginx listens on may be another's here, and nginx shall start all the same.
        node.write("/proc/sys/net/ipv6/ip_nonlocal_bind", "1")?;
        if listens_on_virtual(&models.keepalived, models.nginx.as_ref()) {
            node.write("/proc/sys/net/ipv4/ip_nonlocal_bind", "1")?;
        }
        let address = networks.own(which).first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into());
        Ok(Server::operators(node, address, self.nginx(), self.keepalived()))
    }

    fn nginx(&self) -> Option<Vec<String>> {
        let conf = self.simulation.nginx_conf.as_ref()?;
        Some([NGINX, "-p", PREFIX, "-c", &conf.to_string_lossy()].map(str::to_owned).to_vec())
    }

    fn keepalived(&self) -> Vec<String> {
        let conf = self.simulation.keepalived_conf.to_string_lossy();
        [KEEPALIVED, "-n", "-l", "-D", "-f", &conf].map(str::to_owned).to_vec()
    }

    /// The users and groups that nginx.conf names.
    fn users(&self) -> Vec<String> {
        let user =
            self.simulation.models.nginx.as_ref().and_then(|nginx| nginx.process.as_ref()).map(|main| &main.core.user);
        let named = user.into_iter().flat_map(|user| std::iter::once(user.user.clone()).chain(user.group.clone()));
        named.chain(["nobody".to_owned()]).collect()
    }

    /// The directories that nginx writes to.
    fn directories(&self) -> Vec<PathBuf> {
        let Some(nginx) = &self.simulation.models.nginx else { return Vec::new() };
        let plan = cut(nginx.clone()).proxy;
        let pid = nginx.process.as_ref().map(|main| Path::new(PREFIX).join(&main.core.pid));
        let files = log_paths(&plan).into_iter().chain(pid);
        let temps = temp_paths(&plan).into_iter().map(Path::to_path_buf);
        let parents = files.chain(temps).filter_map(|file| file.parent().map(|parent| Path::new(PREFIX).join(parent)));
        parents.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn client(&self, lans: &[Lan]) -> io::Result<Node> {
        let node = Node::new("client", &self.hosts, &[])?;
        if let (Some(lan), Some(segment)) = (lans.first(), self.simulation.networks.segments.first()) {
            lan.plug_as(&node, &format!("{OTHERS}0"), &segment.with_prefix(&segment.clients))?;
            node.reach_everything(&format!("{OTHERS}0"))?;
        }
        Ok(node)
    }

    /// Where stubs of that kind stand.
    fn stubs(&self, wanted: Place) -> impl Iterator<Item = SocketAddr> {
        let Simulation { networks, models, .. } = self.simulation;
        let (own, nginx) = (&models.keepalived, models.nginx.as_ref());
        backends(own, nginx).into_keys().filter(move |at| place(*at, networks, own, nginx) == wanted)
    }

    fn webs(&self, world: &Node, directors: &[Server; 2]) -> io::Result<Vec<Web>> {
        let mut webs = Vec::new();
        let mut add = |node: &Node, at: SocketAddr| {
            let stub = self.stubs.inet(node, at)?;
            webs.push(Web { address: at, says: at.to_string(), kind: WebKind::Stub(stub) });
            io::Result::Ok(())
        };
        self.stubs(Place::World).try_for_each(|at| add(world, at))?;
        for (which, director) in directors.iter().enumerate() {
            self.stubs(Place::Local)
                .chain(self.stubs(Place::Director(which)))
                .try_for_each(|at| add(&director.node, at))?;
        }
        for (director, path) in directors
            .iter()
            .flat_map(|it| sockets(self.simulation.models.nginx.as_ref()).into_iter().map(move |path| (it, path)))
        {
            let stub = self.stubs.unix(&director.node, &path)?;
            webs.push(Web {
                address: (Ipv4Addr::UNSPECIFIED, 0).into(),
                says: path.display().to_string(),
                kind: WebKind::Stub(stub),
            });
        }
        Ok(webs)
    }

    fn mail_address(&self) -> Option<Ipv4Addr> {
        let global = self.simulation.models.keepalived.global.as_ref()?;
        let server = global.smtp_server.as_ref().filter(|_| !global.email_to.is_empty())?;
        let named = || self.simulation.names.get(&server.host).copied();
        server.host.parse().ok().or_else(named)
    }

    /// A mail server, on each director if it is to be there.
    fn mails(&self, world: &Node, directors: &[Server; 2]) -> io::Result<Vec<MailSink>> {
        let Some(address) = self.mail_address() else { return Ok(Vec::new()) };
        let global = self.simulation.models.keepalived.global.as_ref();
        let port = global.and_then(|global| global.smtp_server.as_ref()).map_or(25, |server| server.port);
        let at = SocketAddrV4::new(address, port);
        if address.is_loopback() {
            return directors.iter().map(|director| MailSink::at(&director.node, at)).collect();
        }
        Ok(vec![MailSink::at(world, at)?])
    }
}
