//! Whether the box does what it did before.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rkeep_parsers::ir::http::{Address, Listener};

use super::found::{Running, look};
use super::process::{Whose, run, told, wait_for};
use super::{Face, Site, nginx};

/// How long a listener may take to answer, and an address to be back.
const PATIENCE: Duration = Duration::from_secs(10);

/// No request: nginx answers it itself (400), whatever its servers do.
const PROBE: &[u8] = b"x\r\n\r\n";

/// The installed program accepts the configuration, the listeners of one that runs answer, and the virtual addresses are
/// where they were.
pub fn verify(site: &Site, held: &[IpAddr]) -> io::Result<()> {
    accepted(site)?;
    let found = look(std::slice::from_ref(site))?;
    let ours = |running: &Running| matches!(running, Running::Live(Whose::Rkeep) | Running::Unit(Whose::Rkeep, _));
    let runs = found.first().is_some_and(|found| ours(&found.running));
    match site.face {
        Face::Nginx if runs => listeners(site),
        Face::Keepalived if runs => wait_for(PATIENCE, "the virtual addresses are back", || has_all(held)),
        _ => Ok(()),
    }
}

fn accepted(site: &Site) -> io::Result<()> {
    let mut command = Command::new(&site.path);
    match site.face {
        Face::Nginx => command.args(["-t", "-q", "-c"]),
        Face::Keepalived => command.args(["-t", "-f"]),
    };
    run(command.arg(&site.conf)).map_err(|error| told(error, "the configuration is refused"))
}

/// Whether all these addresses are on this machine's interfaces.
///
/// # Errors
/// They cannot be read.
pub fn has_all(wanted: &[IpAddr]) -> io::Result<bool> {
    let ours = addresses()?;
    Ok(wanted.iter().all(|address| ours.contains(address)))
}

/// The addresses of this machine's interfaces.
///
/// # Errors
/// They cannot be read.
pub fn addresses() -> io::Result<Vec<IpAddr>> {
    Ok(if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).collect())
}

/// Every listener of the configuration answers; but for those of addresses that another box has now.
///
/// # Errors
/// One does not; the text says which.
pub fn listeners(site: &Site) -> io::Result<()> {
    let (config, own) = (nginx::config(site)?, addresses()?);
    config.plan.listeners.values().filter(|listener| is_here(&listener.address, &own)).try_for_each(|listener| {
        answers(listener).map_err(|error| told(error, &format!("nothing answers on {}", shown(&listener.address))))
    })
}

/// Whether whoever asks there asks this machine.
fn is_here(address: &Address, own: &[IpAddr]) -> bool {
    match address {
        Address::Inet(address) => {
            let ip = address.ip();
            ip.is_unspecified() || ip.is_loopback() || own.contains(&ip)
        }
        Address::Unix(_) => true,
    }
}

fn shown(address: &Address) -> String {
    match address {
        Address::Inet(address) => address.to_string(),
        Address::Unix(path) => format!("unix:{}", Path::new(path).display()),
    }
}

fn answers(listener: &Listener) -> io::Result<()> {
    // Behind TLS or the PROXY protocol no plain answer can be expected.
    let plain = !listener.options.ssl && !listener.options.proxy_protocol;
    match &listener.address {
        Address::Inet(address) => {
            let stream = TcpStream::connect_timeout(&reachable(*address), PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            if plain { asked(stream) } else { Ok(()) }
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            if plain { asked(stream) } else { Ok(()) }
        }
    }
}

/// An answer, or a connection that is closed, is life enough.
fn asked(mut stream: impl Read + Write) -> io::Result<()> {
    stream.write_all(PROBE)?;
    match stream.read(&mut [0; 16]) {
        Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Err(error),
        _ => Ok(()),
    }
}

/// The address that a listener of all addresses is asked at.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_the_peer_has_is_not_asked() {
        let own = ["10.0.0.1".parse().unwrap()];
        let here = |address: &str| is_here(&Address::Inet(address.parse().unwrap()), &own);
        assert!(here("0.0.0.0:80") && here("[::]:80") && here("127.0.0.2:80") && here("10.0.0.1:80"));
        assert!(!here("10.0.0.100:80"));
    }
}
