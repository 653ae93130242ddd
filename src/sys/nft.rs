//! An nftables table of our own that steers packets or drops them, spoken to the kernel over netlink (nf_tables(7), linux/netfilter/
//! nf_tables.h). The table belongs to the socket that made it (NFT_TABLE_F_OWNER): others cannot flush it, and the
//! kernel drops it when the socket closes, however this process ends.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::{NETFILTER, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

/// A rule: connections to `service` go to `port` of the loopback address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tproxy {
    /// The address they are for.
    pub service: SocketAddr,
    /// Where a transparent listener waits.
    pub port: u16,
}

/// A rule of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Connections go elsewhere.
    Steer(Tproxy),
    /// Packets to an address are dropped, but for what neighbours must ask of an IPv6 address.
    Refuse(IpAddr),
}

/// The table.
#[derive(Debug)]
pub struct Table {
    socket: OwnedFd,
    name: String,
}

impl Table {
    /// A table that the first [`Table::replace`] makes.
    ///
    /// # Errors
    /// When the kernel has no netfilter.
    pub fn open(name: &str) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(NETFILTER))?;
        Ok(Table { socket, name: name.to_owned() })
    }

    /// Puts these rules in place of all there were, in one step.
    ///
    /// # Errors
    /// When the kernel has no nftables with tproxy, or does not let us.
    pub fn replace(&mut self, rules: &[Rule]) -> io::Result<()> {
        let kernel = SocketAddrNetlink::new(0, 0);
        sendto(&self.socket, &batch(&self.name, rules), SendFlags::empty(), &kernel)?;
        // The kernel has answered by the time send returns, and only speaks up when something is wrong.
        let mut answer = vec![0; 8192];
        let mut first_error = None;
        loop {
            match recv(&self.socket, &mut *answer, RecvFlags::DONTWAIT) {
                Ok((length, _)) => first_error = first_error.or(error_in(answer.get(..length).unwrap_or_default())),
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        first_error.map_or(Ok(()), Err)
    }
}

/// The error in a netlink answer: an NLMSG_ERROR whose number is not 0.
fn error_in(answer: &[u8]) -> Option<io::Error> {
    const NLMSG_ERROR: u16 = 2;
    let kind = u16::from_ne_bytes(*answer.get(4..)?.first_chunk()?);
    let code = i32::from_ne_bytes(*answer.get(16..)?.first_chunk()?);
    (kind == NLMSG_ERROR && code != 0).then(|| io::Error::from_raw_os_error(-code))
}

const CHAIN: &str = "steer";
/// NFPROTO_INET: one table for both families.
const INET: u8 = 1;
const SUBSYSTEM: u16 = 10;
const REQUEST: u16 = 1;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
const NEW_TABLE: u16 = SUBSYSTEM << 8;
const NEW_CHAIN: u16 = SUBSYSTEM << 8 | 3;
const NEW_RULE: u16 = SUBSYSTEM << 8 | 6;
const DELETE_RULE: u16 = SUBSYSTEM << 8 | 8;
/// The hook before routing, at the priority `mangle`: before any address translation.
const PREROUTING: u32 = 0;
const MANGLE: i32 = -150;
const OWNER: u32 = 2;
const NESTED: u16 = 0x8000;

/// The messages that replace all rules.
fn batch(table: &str, rules: &[Rule]) -> Vec<u8> {
    let mut out = Message::default();
    out.message(BATCH_BEGIN, 0, 0, SUBSYSTEM, |_| {});
    out.message(NEW_TABLE, CREATE, INET, 0, |m| {
        m.text(1, table);
        m.number(2, OWNER);
    });
    out.message(NEW_CHAIN, CREATE, INET, 0, |m| {
        m.text(1, table);
        m.text(3, CHAIN);
        m.text(7, "filter");
        m.nested(4, |m| {
            m.number(1, PREROUTING);
            m.number(2, MANGLE as u32);
        });
    });
    out.message(DELETE_RULE, 0, INET, 0, |m| {
        m.text(1, table);
        m.text(2, CHAIN);
    });
    let mut add = |fill: &dyn Fn(&mut Message)| {
        out.message(NEW_RULE, CREATE | APPEND, INET, 0, |m| {
            m.text(1, table);
            m.text(2, CHAIN);
            m.nested(4, |m| fill(m));
        });
    };
    for rule in rules {
        match rule {
            Rule::Steer(rule) => add(&|m| steer(m, rule)),
            Rule::Refuse(address @ IpAddr::V4(_)) => add(&|m| refuse(m, *address, |_| {})),
            Rule::Refuse(address @ IpAddr::V6(_)) => {
                for except in BESIDES_NEIGHBOURS {
                    add(&|m| refuse(m, *address, except));
                }
            }
        }
    }
    out.message(BATCH_END, 0, 0, SUBSYSTEM, |_| {});
    out.bytes
}

// linux/netfilter/nf_tables.h: what `meta` and `payload` load, how `cmp` compares.
const META_NFPROTO: u32 = 15;
const META_L4PROTO: u32 = 16;
const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;
const EQUAL: u32 = 0;
const NOT_EQUAL: u32 = 1;
const LESS: u32 = 2;
const GREATER: u32 = 4;
const ICMPV6: u8 = 58;
/// ICMPv6's neighbour solicitation and advertisement.
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// What is not of neighbours' asking for each other.
const BESIDES_NEIGHBOURS: [fn(&mut Message); 3] = [
    |m| {
        m.meta(META_L4PROTO);
        m.compare(NOT_EQUAL, &[ICMPV6]);
    },
    |m| icmpv6(m, LESS, SOLICITATION),
    |m| icmpv6(m, GREATER, ADVERTISEMENT),
];

fn icmpv6(m: &mut Message, how: u32, kind: u8) {
    m.meta(META_L4PROTO);
    m.equal(&[ICMPV6]);
    m.payload(TRANSPORT, 0, 1);
    m.compare(how, &[kind]);
}

/// `meta nfproto … ip daddr …`, and what more there is, `drop`.
fn refuse(m: &mut Message, address: IpAddr, more: impl FnOnce(&mut Message)) {
    const DROP: u32 = 0;
    destined(m, address);
    more(m);
    m.expression("immediate", |m| {
        // The register of verdicts.
        m.number(1, 0);
        m.nested(2, |m| m.nested(2, |m| m.number(1, DROP)));
    });
}

/// `meta nfproto … ip daddr …`
fn destined(m: &mut Message, address: IpAddr) {
    let (family, daddr_at, address) = match address {
        IpAddr::V4(ip) => (2u8, 16, ip.octets().to_vec()),
        IpAddr::V6(ip) => (10u8, 24, ip.octets().to_vec()),
    };
    m.meta(META_NFPROTO);
    m.equal(&[family]);
    m.payload(NETWORK, daddr_at, address.len() as u32);
    m.equal(&address);
}

/// `meta nfproto … ip daddr … meta l4proto tcp th dport … tproxy to …`, on registers 1 and 2.
fn steer(m: &mut Message, rule: &Tproxy) {
    const TCP: u8 = 6;
    let (family, loopback) = match rule.service.ip() {
        IpAddr::V4(_) => (2u8, Ipv4Addr::LOCALHOST.octets().to_vec()),
        IpAddr::V6(_) => (10u8, Ipv6Addr::LOCALHOST.octets().to_vec()),
    };
    destined(m, rule.service.ip());
    m.meta(META_L4PROTO);
    m.equal(&[TCP]);
    m.payload(TRANSPORT, 2, 2);
    m.equal(&rule.service.port().to_be_bytes());
    m.immediate(1, &loopback);
    m.immediate(2, &rule.port.to_be_bytes());
    m.expression("tproxy", |m| {
        m.number(1, u32::from(family));
        m.number(2, 1);
        m.number(3, 2);
    });
}

/// Netlink messages under construction.
#[derive(Default)]
struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A whole message: netlink's header, netfilter's, attributes.
    fn message(&mut self, kind: u16, flags: u16, family: u8, resource: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 4]);
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend((REQUEST | flags).to_ne_bytes());
        self.bytes.extend([0; 8]);
        self.bytes.extend([family, 0]);
        self.bytes.extend(resource.to_be_bytes());
        fill(self);
        let length = (self.bytes.len() - start) as u32;
        self.patch(start, &length.to_ne_bytes());
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    fn attribute(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        fill(self);
        let length = (self.bytes.len() - start) as u16;
        self.patch(start, &length.to_ne_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn text(&mut self, kind: u16, text: &str) {
        self.attribute(kind, |m| {
            m.bytes.extend(text.as_bytes());
            m.bytes.push(0);
        });
    }

    fn number(&mut self, kind: u16, number: u32) {
        self.attribute(kind, |m| m.bytes.extend(number.to_be_bytes()));
    }

    fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        self.attribute(kind | NESTED, fill);
    }

    fn data(&mut self, kind: u16, data: &[u8]) {
        self.nested(kind, |m| m.attribute(1, |m| m.bytes.extend(data)));
    }

    fn expression(&mut self, name: &str, fill: impl FnOnce(&mut Self)) {
        self.nested(1, |m| {
            m.text(1, name);
            m.nested(2, fill);
        });
    }

    /// Loads a packet's property into register 1.
    fn meta(&mut self, key: u32) {
        self.expression("meta", |m| {
            m.number(2, key);
            m.number(1, 1);
        });
    }

    /// Loads bytes of a packet into register 1.
    fn payload(&mut self, base: u32, offset: u32, length: u32) {
        self.expression("payload", |m| {
            m.number(1, 1);
            m.number(2, base);
            m.number(3, offset);
            m.number(4, length);
        });
    }

    /// Goes on only if register 1 holds `data`.
    fn equal(&mut self, data: &[u8]) {
        self.compare(EQUAL, data);
    }

    /// Goes on only if register 1 compares so with `data`.
    fn compare(&mut self, how: u32, data: &[u8]) {
        self.expression("cmp", |m| {
            m.number(1, 1);
            m.number(2, how);
            m.data(3, data);
        });
    }

    fn immediate(&mut self, register: u32, data: &[u8]) {
        self.expression("immediate", |m| {
            m.number(1, register);
            m.data(2, data);
        });
    }
}
