//! An operator's own pair, simulated: his files are read, the world that they name is made, and what cannot be simulated
//! is said.

mod authority;
mod build;
mod certificates;
mod fastcgi;
mod loader;
mod peer;
mod plan;
mod scripts;
mod stub;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rkeep_parsers::diag::{Diagnostic, Severity};
use rkeep_parsers::ir::Ir;
use rkeep_parsers::keepalived::{self, AnyMachine, Mode};
use rkeep_parsers::lower::Loaded;
use rkeep_parsers::nginx;
use rkeep_parsers::source::{Loader, MapLoader, SourceMap};
use rkeep_parsers::table::Compat;

pub use build::build;
pub use stub::Stub;

use authority::Authority;
use loader::{Seen, SimLoader};
use plan::Networks;

use super::pair::{Pair, is_of_link};

/// Where nginx finds its file in a box, unless the operator's own place is one that boxes have to themselves.
const NGINX: &str = "/etc/nginx/nginx.conf";
/// The same for keepalived.
const KEEPALIVED: &str = "/etc/keepalived/keepalived.conf";
/// What relative paths of nginx.conf are below in a box.
pub const PREFIX: &str = "/usr/local/nginx/";

/// The operator's files.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// `--nginx-conf`
    pub nginx: Option<PathBuf>,
    /// `--keepalived-conf`
    pub keepalived: PathBuf,
    /// `--peer-keepalived-conf`
    pub peer: Option<PathBuf>,
}

/// All that is needed to build the simulation.
#[derive(Debug, Default)]
pub struct Simulation {
    /// Each director's files, by their paths in its box.
    pub files: [BTreeMap<PathBuf, Vec<u8>>; 2],
    /// The main files.
    pub nginx_conf: Option<PathBuf>,
    /// keepalived's.
    pub keepalived_conf: PathBuf,
    /// The networks.
    pub networks: Networks,
    /// Names and their addresses.
    pub names: BTreeMap<String, Ipv4Addr>,
    /// The models of the first director's files.
    pub models: Models,
    /// The scripts that the files name: none of them is run.
    pub scripts: Vec<PathBuf>,
    /// Who signs what certificates are made up.
    authority: Option<Authority>,
    /// What the drills must know.
    pub pair: Pair,
    /// What is not as it will be, in words.
    pub remarks: Vec<String>,
}

/// The models of a director's files.
#[derive(Debug, Default)]
pub struct Models {
    /// keepalived.conf
    pub keepalived: Ir,
    /// nginx.conf
    pub nginx: Option<Ir>,
}

/// Reads the files and plans the simulation.
///
/// # Errors
/// rkeep would refuse a file; its findings are in the error.
pub fn plan(own: &Own) -> io::Result<Simulation> {
    let mut simulation = Simulation::default();
    let (mut seen, models) = simulation.read_own(own)?;
    let there = own.peer.as_ref().map(|path| simulation.read_peer(path, &mut seen)).transpose()?;
    let networks = Networks::plan(&models.keepalived, there.as_ref().map(|(ir, _)| ir), models.nginx.as_ref());
    let pairs = networks.pairs();
    let keepalived_files = match there {
        Some((_, files)) => files,
        None => {
            let (there, here) = placed(&own.keepalived, KEEPALIVED)?;
            simulation.derive_peer(&seen, &pairs, Shown { there: parent(&there), here: &here })
        }
    };
    simulation.files = [seen.files.clone(), mirrored(&seen.files, &keepalived_files, &pairs)];
    simulation.leave_out_scripts(&own.keepalived)?;
    simulation.networks = networks;
    simulation.names = seen.names;
    simulation.models = models;
    simulation.complete()
}

impl Simulation {
    fn read_own(&mut self, own: &Own) -> io::Result<(Seen, Models)> {
        let (keepalived_conf, here) = placed(&own.keepalived, KEEPALIVED)?;
        let loader = SimLoader::new(parent(&keepalived_conf), &here);
        let shown = Shown { there: parent(&keepalived_conf), here: &here };
        let keepalived = self.keep(load_keepalived(&keepalived_conf, &loader), "keepalived.conf", shown)?;
        if let Some(server) = keepalived.global.as_ref().and_then(|global| global.smtp_server.as_ref()) {
            loader.resolve(&server.host)?;
        }
        let mut seen = loader.seen();
        self.keepalived_conf = keepalived_conf;
        let mut nginx = None;
        if let Some(path) = &own.nginx {
            let (nginx_conf, here) = placed(path, NGINX)?;
            let shown = Shown { there: parent(&nginx_conf), here: &here };
            let loader = || SimLoader::new(parent(&nginx_conf), &here).knowing(&seen.names);
            let made = self.made_up(&nginx_conf, loader().lenient(), shown)?;
            let loader = loader().having(made);
            nginx = Some(self.keep(load_nginx(&nginx_conf, &loader), "nginx.conf", shown)?);
            let more = loader.seen();
            self.remarks.extend(more.remarks);
            seen.files.extend(more.files);
            seen.names = more.names;
            self.nginx_conf = Some(nginx_conf);
        }
        Ok((seen, Models { keepalived, nginx }))
    }

    /// What nginx.conf needs of certificates and keys and is not here.
    fn made_up(&mut self, path: &Path, loader: SimLoader, shown: Shown<'_>) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
        let authority = self.authority.insert(Authority::new()?);
        // What else is wrong is said when the file is read in earnest.
        let Some(nginx) = load_nginx(path, &loader).ir else { return Ok(BTreeMap::new()) };
        let made = certificates::make(&nginx, &loader.seen().missing, authority)?;
        let remark = |(path, why): (PathBuf, &str)| format!("{} {why}", shown.place(&path.display().to_string()));
        self.remarks.extend(made.remarks.into_iter().map(remark));
        Ok(made.files)
    }

    /// The other director's model and files, in the first one's places.
    fn read_peer(&mut self, path: &Path, seen: &mut Seen) -> io::Result<(Ir, BTreeMap<PathBuf, Vec<u8>>)> {
        let path = std::path::absolute(path)?;
        let main = path.file_name().map(Path::new).unwrap_or(Path::new(""));
        let there = parent(&self.keepalived_conf).to_owned();
        let loader = SimLoader::new(&there, parent(&path)).knowing(&seen.names);
        let shown = Shown { there: &there, here: parent(&path) };
        let ir = self.keep(load_keepalived(&there.join(main), &loader), "the peer's keepalived.conf", shown)?;
        let theirs = loader.seen();
        seen.names.extend(theirs.names);
        let mut files = theirs.files;
        if let Some(bytes) = files.remove(&there.join(main)) {
            files.insert(self.keepalived_conf.clone(), bytes);
        }
        Ok((ir, files))
    }

    fn derive_peer(&mut self, seen: &Seen, pairs: &[(IpAddr, IpAddr)], shown: Shown<'_>) -> BTreeMap<PathBuf, Vec<u8>> {
        let derived = peer::derive(&self.keepalived_conf, &map(seen), pairs);
        self.remarks.push("no --peer-keepalived-conf: the second director's is made from the first's".to_owned());
        self.remarks.extend(derived.changes.iter().map(|change| shown.place(change)));
        derived.files
    }

    fn leave_out_scripts(&mut self, path: &Path) -> io::Result<()> {
        let (there, here) = placed(path, KEEPALIVED)?;
        let shown = Shown { there: parent(&there), here: &here };
        for files in &self.files {
            let loader = MapLoader { files: files.clone(), ..MapLoader::default() };
            for scripts::Script { path, place } in scripts::named(&self.keepalived_conf, &loader) {
                if !self.scripts.contains(&path) {
                    self.remarks.push(format!("{}: {} is not run", shown.place(&place), path.display()));
                    self.scripts.push(path);
                }
            }
        }
        Ok(())
    }

    /// Reads both sides as they will be read in their boxes.
    fn complete(mut self) -> io::Result<Simulation> {
        let peer = self.second_model()?;
        let none = Ir::default();
        let nginx = [self.models.nginx.as_ref().unwrap_or(&none), peer.nginx.as_ref().unwrap_or(&none)];
        let addresses = [self.networks.own(0), self.networks.own(1)];
        self.pair = Pair::read([&self.models.keepalived, &peer.keepalived], nginx, addresses);
        self.remarks.append(&mut self.networks.invented);
        let names = self.names.iter().map(|(name, address)| format!("{name} is given the address {address}"));
        self.remarks.extend(names);
        self.remarks.extend(not_simulated(&self.models, &self.pair));
        Ok(self)
    }

    fn second_model(&mut self) -> io::Result<Models> {
        let mut files = MapLoader { files: self.files[1].clone(), ..MapLoader::default() };
        files = files.host("localhost", &[Ipv4Addr::LOCALHOST.into()]);
        for (name, address) in &self.names {
            files = files.host(name, &[(*address).into()]);
        }
        let silent = |loaded: Loaded, what: &str| {
            loaded.ir.ok_or_else(|| refused(what, &loaded.diagnostics, |found| found.message.clone()))
        };
        let keepalived =
            silent(load_keepalived(&self.keepalived_conf, &files), "the second director's keepalived.conf")?;
        let nginx =
            self.nginx_conf.as_ref().map(|path| silent(load_nginx(path, &files), "the second director's nginx.conf"));
        Ok(Models { keepalived, nginx: nginx.transpose()? })
    }

    /// The model, with what is wrong short of refusal among the remarks.
    fn keep(&mut self, loaded: Loaded, what: &str, shown: Shown<'_>) -> io::Result<Ir> {
        let Loaded { ir, sources, diagnostics } = loaded;
        let ir = ir.ok_or_else(|| refused(what, &diagnostics, |found| shown.told(found, &sources)))?;
        let worth = diagnostics.iter().filter(|found| found.severity != Severity::Note);
        self.remarks.extend(worth.map(|found| shown.told(found, &sources)));
        Ok(ir)
    }
}

/// Findings name files where they are here, not where they are in a box.
#[derive(Clone, Copy)]
struct Shown<'a> {
    there: &'a Path,
    here: &'a Path,
}

impl Shown<'_> {
    /// A finding in a line.
    fn told(self, found: &Diagnostic, sources: &SourceMap) -> String {
        let place = found.at.as_ref().map(|label| format!("{}: ", self.place(&sources.place(label.span))));
        place.unwrap_or_default() + &found.message
    }

    fn place(self, place: &str) -> String {
        match Path::new(place).strip_prefix(self.there) {
            Ok(below) => self.here.join(below).display().to_string(),
            Err(_) => place.to_owned(),
        }
    }
}

fn load_keepalived(path: &Path, loader: &dyn Loader) -> Loaded {
    keepalived::load(path, "", loader, &AnyMachine, Mode::Check { own: false })
}

fn load_nginx(path: &Path, loader: &dyn Loader) -> Loaded {
    nginx::load(path, Path::new(PREFIX), None, loader, Compat::default())
}

fn refused(what: &str, diagnostics: &[Diagnostic], told: impl Fn(&Diagnostic) -> String) -> io::Error {
    let errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
    let lines: String = errors.map(|found| format!("\n  {}", told(found))).collect();
    io::Error::new(io::ErrorKind::InvalidData, format!("rkeep would refuse {what}:{lines}"))
}

/// Where a file lies in a box, and in which directory it is here. Places that a box has to itself are kept.
fn placed(path: &Path, usual: &str) -> io::Result<(PathBuf, PathBuf)> {
    let path = std::path::absolute(path)?;
    let here = parent(&path).to_owned();
    let kept = ["/etc", "/usr/local"].iter().any(|private| path.starts_with(private));
    if kept {
        return Ok((path, here));
    }
    // The file may have another name here.
    let name = path.file_name().map(Path::new).unwrap_or(Path::new(""));
    Ok((parent(Path::new(usual)).join(name), here))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}

fn map(seen: &Seen) -> MapLoader {
    MapLoader { files: seen.files.clone(), ..MapLoader::default() }
}

/// The second director's files: nginx's are the first's with the addresses changed.
fn mirrored(
    files: &BTreeMap<PathBuf, Vec<u8>>,
    keepalived: &BTreeMap<PathBuf, Vec<u8>>,
    pairs: &[(IpAddr, IpAddr)],
) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all: BTreeMap<PathBuf, Vec<u8>> =
        files.iter().map(|(path, bytes)| (path.clone(), peer::swap_addresses(bytes, pairs))).collect();
    all.extend(keepalived.iter().map(|(path, bytes)| (path.clone(), bytes.clone())));
    all
}

/// What the simulation lacks, by name.
fn not_simulated(models: &Models, pair: &Pair) -> Vec<String> {
    let mut lacking = Vec::new();
    for router in models.keepalived.routers.values() {
        let name = &router.name;
        if router.addresses.iter().chain(&router.excluded).all(|one| is_of_link(one.address)) {
            lacking
                .push(format!("{name}: no client asks for its addresses, which are the link's; who owns them is seen"));
        }
        if !pair.instances.iter().any(|instance| instance.router == router.vrid) {
            lacking
                .push(format!("{name}: the peer's file has no virtual_router_id {}: no drill follows it", router.vrid));
        }
    }
    for service in models.keepalived.services.values() {
        if let Some(why) = service.needs_ipvs() {
            lacking.push(format!("virtual server {} is not served: {why}", service.shown()));
        }
    }
    for (family, unasked) in [("IPv4", true), ("IPv6", false)] {
        let mut moving = pair.instances.iter().flat_map(|instance| &instance.addresses);
        let moves = moving.any(|address| address.is_ipv4() == unasked);
        if moves && !pair.probes.is_empty() && !pair.probes.iter().any(|probe| probe.at.is_ipv4() == unasked) {
            lacking.push(format!("nothing answers HTTP on a virtual address of {family}: no client asks by it"));
        }
    }
    if pair.probes.is_empty() {
        lacking.push("nothing answers HTTP on a virtual address: no client asks, only ownership is seen".to_owned());
    }
    lacking
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_their_places_where_a_box_has_them_to_itself() {
        assert_eq!(placed(Path::new("/etc/nginx/x.conf"), NGINX).unwrap().0, Path::new("/etc/nginx/x.conf"));
        let (there, here) = placed(Path::new("/home/me/n.conf"), NGINX).unwrap();
        assert_eq!((there.as_path(), here.as_path()), (Path::new("/etc/nginx/n.conf"), Path::new("/home/me")));
    }
}
