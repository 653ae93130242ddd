//! Who listens on this machine: the kernel's lists under `/proc/net`.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The addresses that somebody listens on for TCP connections, in this network namespace; looked up when first asked.
#[derive(Debug, Default)]
pub struct Sockets(OnceCell<HashSet<SocketAddr>>);

impl Sockets {
    /// Whether a socket is bound to just this address and listens.
    pub fn contains(&self, address: SocketAddr) -> bool {
        self.0.get_or_init(read).contains(&address)
    }
}

fn read() -> HashSet<SocketAddr> {
    let lists = ["/proc/self/net/tcp", "/proc/self/net/tcp6"].map(|path| fs::read_to_string(path).unwrap_or_default());
    lists.iter().flat_map(|list| list.lines()).filter_map(listener).collect()
}

/// The local address of a line of proc_pid_net(5), if its state is LISTEN.
fn listener(line: &str) -> Option<SocketAddr> {
    const LISTEN: &str = "0A";
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    if fields.nth(1)? != LISTEN {
        return None;
    }
    let words = address.as_bytes().chunks(8).map(|word| {
        let word = u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok()?;
        Some(word.to_ne_bytes())
    });
    let words = words.collect::<Option<Vec<[u8; 4]>>>()?;
    let ip = match words[..] {
        [word] => IpAddr::V4(Ipv4Addr::from(word)),
        [_, _, _, _] => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(words.concat()).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn finds_those_that_listen_as_they_are_bound() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = TcpListener::bind(address) else { continue };
            let address = socket.local_addr().unwrap();
            assert!(Sockets::default().contains(address), "{address}");
            let everywhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
            assert!(!Sockets::default().contains(everywhere));
            drop(socket);
            assert!(!Sockets::default().contains(address));
        }
    }
}
