//! Listening sockets: opened as the configuration names them, kept over a reload where it still names them.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rkeep_parsers::ir::http::{Address, ListenOptions};
use rkeep_parsers::table::value::Level;
use socket2::{Domain, SockAddr, Socket, TcpKeepalive, Type};

use crate::log::nginx::{Log, with_errno};
use crate::plan::ProxyPlan;
use crate::sys::socket;

/// nginx's queue of connections that nobody has accepted yet.
const BACKLOG: u32 = 511;

/// How often binding is tried while somebody else still holds the address, and how long between.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// A socket that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What it is bound to.
    pub address: Address,
    /// The thread that has it for itself (`reuseport`); none for one shared by all.
    pub thread: Option<usize>,
    options: ListenOptions,
}

/// A socket that listens.
#[derive(Clone, Debug)]
pub struct Listening {
    /// What the configuration says about it.
    pub wanted: Wanted,
    /// The descriptor.
    pub fd: Arc<OwnedFd>,
    /// Another master has opened it and handed it to this one.
    pub inherited: bool,
}

/// Opening has failed; the log says why.
#[derive(Debug)]
pub struct Failed;

/// The sockets that a plan names. An address whose port a wildcard of the same family has is served by the wildcard's
/// socket, unless its `listen` asks for one of its own.
pub fn wanted(plan: &ProxyPlan, threads: usize) -> Vec<Wanted> {
    let listeners: Vec<_> = plan.listeners.values().collect();
    let wildcard = |address: SocketAddr| match address {
        SocketAddr::V4(_) => SocketAddr::from(([0, 0, 0, 0], address.port())),
        SocketAddr::V6(_) => SocketAddr::from(([0u16; 8], address.port())),
    };
    let covered = |address: &Address| match address {
        Address::Inet(address) if !address.ip().is_unspecified() => {
            let wildcard = Address::Inet(wildcard(*address));
            listeners.iter().any(|other| other.address == wildcard)
        }
        _ => false,
    };
    let own = listeners.iter().filter(|listener| listener.options.bind || !covered(&listener.address));
    own.flat_map(|listener| {
        let copies = if listener.options.reuseport { threads } else { 1 };
        (0..copies).map(|copy| Wanted {
            address: listener.address.clone(),
            thread: listener.options.reuseport.then_some(copy),
            options: listener.options.clone(),
        })
    })
    .collect()
}

/// Opens what is wanted, keeping those of `old` that have the same address. With `test`, addresses that somebody
/// holds are no failure.
///
/// # Errors
/// When one cannot be opened; the log says which and why.
pub fn open(wanted: &[Wanted], old: &[Listening], log: &Log, test: bool) -> Result<Vec<Listening>, Failed> {
    let mut open: Vec<Option<Listening>> = wanted.iter().map(|wanted| kept(wanted, old)).collect();
    for attempt in 1..=TRIES {
        let mut busy = false;
        for (slot, wanted) in open.iter_mut().zip(wanted).filter(|(slot, _)| slot.is_none()) {
            match bind(wanted, log, test)? {
                Some(fd) => *slot = Some(Listening { wanted: wanted.clone(), fd: Arc::new(fd), inherited: false }),
                None => busy |= !test,
            }
        }
        if !busy {
            return Ok(open.into_iter().flatten().collect());
        }
        if attempt < TRIES {
            log.write(Level::Notice, "try again to bind() after 500ms");
            std::thread::sleep(PAUSE);
        }
    }
    log.write(Level::Notice, "try again to bind() after 500ms");
    log.write(Level::Emerg, "still could not bind()");
    Err(Failed)
}

/// The socket of before, with what has changed about it.
fn kept(wanted: &Wanted, old: &[Listening]) -> Option<Listening> {
    let same = |old: &&Listening| old.wanted.address == wanted.address && old.wanted.thread == wanted.thread;
    // A shared socket becomes the first thread's when `reuseport` is added, and the other way round.
    let near = |old: &&Listening| {
        old.wanted.address == wanted.address && old.wanted.thread.unwrap_or(0) == wanted.thread.unwrap_or(0)
    };
    let old = old.iter().find(same).or_else(|| old.iter().find(near))?;
    let fd = old.fd.clone();
    if old.wanted.options != wanted.options {
        let socket = socket2::SockRef::from(&*fd);
        // What cannot be changed on an open socket stays as it was until a restart, as with nginx.
        let _ = tune(&socket, &wanted.options);
        if wanted.options.reuseport {
            let _ = socket.set_reuse_port(true);
        }
        let _ = socket.listen(backlog(&wanted.options));
    }
    Some(Listening { wanted: wanted.clone(), fd, inherited: old.inherited })
}

/// Sockets from another nginx's `NGINX` variable.
pub fn inherited(variable: &str, log: &Log) -> Vec<Listening> {
    log.write(Level::Notice, &format!("using inherited sockets from \"{variable}\""));
    let mut found = Vec::new();
    for word in variable.split([':', ';']).filter(|word| !word.is_empty()) {
        let Some(fd) = word.parse().ok().and_then(|fd| crate::sys::process::inherited(fd).ok()) else {
            let text = format!(
                "invalid socket number \"{word}\" in NGINX environment variable, ignoring the rest of the variable"
            );
            log.write(Level::Emerg, &text);
            break;
        };
        found.push(fd);
    }
    adopted(found)
}

/// Sockets that another process has opened, for those that are wanted.
pub fn adopted(sockets: Vec<OwnedFd>) -> Vec<Listening> {
    let mut found: Vec<Listening> = Vec::new();
    for fd in sockets {
        let Some(address) = address_of(&fd) else { continue };
        let copies = found.iter().filter(|other| other.wanted.address == address).count();
        let thread = (copies > 0).then_some(copies);
        let wanted = Wanted { address, thread, options: ListenOptions::default() };
        found.push(Listening { wanted, fd: Arc::new(fd), inherited: true });
    }
    found
}

fn address_of(fd: &OwnedFd) -> Option<Address> {
    let address = socket2::SockRef::from(fd).local_addr().ok()?;
    match address.as_socket() {
        Some(address) => Some(Address::Inet(address)),
        None => Some(Address::Unix(address.as_pathname()?.to_owned())),
    }
}

/// A new listening socket; none when somebody else holds the address.
fn bind(wanted: &Wanted, log: &Log, test: bool) -> Result<Option<OwnedFd>, Failed> {
    let name = shown(&wanted.address);
    let fail = |call: &str, error: &io::Error| {
        log.write(Level::Emerg, &with_errno(&format!("{call} {name} failed"), error));
        Failed
    };
    let address = sock_addr(&wanted.address).map_err(|error| fail("socket()", &error))?;
    let socket = new_socket(wanted, &address).map_err(|error| fail("socket()", &error))?;
    if let Err(error) = socket.bind(&address) {
        let busy = error.raw_os_error() == Some(libc::EADDRINUSE);
        return match (busy, test) {
            (true, true) => Ok(None),
            (true, false) => Ok(Some(fail("bind() to", &error)).and(None)),
            (false, _) => Err(fail("bind() to", &error)),
        };
    }
    if let Address::Unix(path) = &wanted.address {
        // Whoever may reach the directory may connect.
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o666)).map_err(|error| fail("chmod()", &error))?;
        if test {
            remove_path(path);
        }
    }
    if let Err(error) = socket.listen(backlog(&wanted.options)) {
        if error.raw_os_error() == Some(libc::EADDRINUSE) && !test {
            fail("listen() to", &error);
            return Ok(None);
        }
        return if test { Ok(None) } else { Err(fail("listen() to", &error)) };
    }
    tune(&socket, &wanted.options).map_err(|error| fail("setsockopt()", &error))?;
    Ok(Some(socket.into()))
}

fn new_socket(wanted: &Wanted, address: &SockAddr) -> io::Result<Socket> {
    let socket = Socket::new(address.domain(), Type::STREAM.nonblocking().cloexec(), None)?;
    socket.set_reuse_address(true)?;
    if wanted.options.reuseport {
        socket.set_reuse_port(true)?;
    }
    if address.domain() == Domain::IPV6 {
        socket.set_only_v6(wanted.options.ipv6only.unwrap_or(true))?;
    }
    Ok(socket)
}

fn tune(socket: &Socket, options: &ListenOptions) -> io::Result<()> {
    if let Some(bytes) = options.rcvbuf {
        socket.set_recv_buffer_size(bytes as usize)?;
    }
    if let Some(bytes) = options.sndbuf {
        socket.set_send_buffer_size(bytes as usize)?;
    }
    if let Some(probe) = options.so_keepalive {
        socket.set_keepalive(probe.on)?;
        let seconds = |value: u32| Duration::from_secs(value.into());
        let mut keepalive = TcpKeepalive::new();
        keepalive = probe.idle.map_or(keepalive.clone(), |idle| keepalive.with_time(seconds(idle)));
        keepalive = probe.interval.map_or(keepalive.clone(), |every| keepalive.with_interval(seconds(every)));
        keepalive = probe.count.map_or(keepalive.clone(), |count| keepalive.with_retries(count));
        if probe.on {
            socket.set_tcp_keepalive(&keepalive)?;
        }
    }
    if let Some(queue) = options.fastopen {
        socket::set_fastopen(socket, queue)?;
    }
    if options.deferred {
        socket::set_defer_accept(socket, true)?;
    }
    Ok(())
}

fn backlog(options: &ListenOptions) -> i32 {
    options.backlog.unwrap_or(BACKLOG).min(i32::MAX as u32) as i32
}

fn sock_addr(address: &Address) -> io::Result<SockAddr> {
    match address {
        Address::Inet(address) => Ok((*address).into()),
        Address::Unix(path) => SockAddr::unix(path),
    }
}

/// How nginx shows an address in its messages.
pub fn shown(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", path.display()),
    }
}

/// Removes the paths of unix sockets that nobody listens on any more.
pub fn remove_paths(gone: &[Listening], kept: &[Listening]) {
    for Listening { wanted, .. } in gone {
        if let Address::Unix(path) = &wanted.address
            && !kept.iter().any(|kept| kept.wanted.address == wanted.address)
        {
            remove_path(path);
        }
    }
}

fn remove_path(path: &Path) {
    // Somebody else may have removed it.
    let _ = std::fs::remove_file(path);
}
