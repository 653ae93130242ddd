//! The advertisement itself: VRRPv2 (RFC 3768, 5.1, with RFC 2338's simple password) and VRRPv3 (RFC 5798, 5.1). Version 2
//! over IPv6, which no RFC has, is keepalived's: nothing follows the addresses, and the checksum is IPv6's.

use std::net::IpAddr;
use std::time::Duration;

use rkeep_parsers::ir::hmac::Hmac;
use rkeep_parsers::ir::vrrp::Auth;

use super::Checksum;
use super::hmac::{Claim, Stamp};
use super::ipv4::{self, Outgoing, VRRP};
use super::{ah, hmac, ipv6};

/// Bytes before the addresses.
pub const HEADER: usize = 8;
/// Bytes after the addresses in version 2 over IPv4; zeros where there is no password.
pub const PASSWORD: usize = 8;
/// The only packet type.
pub const ADVERTISEMENT: u8 = 1;

/// An advertisement to send.
#[derive(Clone, Copy, Debug)]
pub struct Advert<'a> {
    /// 2 or 3.
    pub version: u8,
    /// The virtual router.
    pub vrid: u8,
    /// 0 when the master leaves.
    pub priority: u8,
    /// Version 2 sends whole seconds, version 3 centiseconds.
    pub interval: Duration,
    /// Version 2 only.
    pub auth: &'a Auth,
    /// The virtual addresses.
    pub addresses: &'a [IpAddr],
    /// Version 3's checksum leaves the IP addresses out.
    pub checksum_as_v2: bool,
    /// `auth_hmac`: what it is signed by, and its number.
    pub signed: Option<(&'a Hmac, Stamp)>,
}

impl Advert<'_> {
    /// Its length on the wire, without the IP header.
    pub fn length(&self) -> usize {
        let trailer = hmac::length(self.signed.map(|(hmac, _)| hmac));
        trailer + length(self.version, self.addresses.len(), self.addresses.first().is_some_and(IpAddr::is_ipv6))
    }

    /// Appends it. Version 3's checksum covers the IP addresses too.
    pub fn write(&self, out: &mut Vec<u8>, source: IpAddr, destination: IpAddr) {
        let start = out.len();
        out.extend([self.version << 4 | ADVERTISEMENT, self.vrid, self.priority, self.addresses.len() as u8]);
        out.extend(self.auth_and_interval());
        out.extend([0, 0]);
        self.addresses.iter().for_each(|address| extend(out, address));
        if has_password(self.version, source.is_ipv6()) {
            out.extend(password(self.auth));
        }
        let end = out.len();
        if let Some((hmac, stamp)) = self.signed {
            hmac::sign(out, start, hmac, stamp, Claim { version: self.version, vrid: self.vrid, source });
        }
        // IPv6's checksum is that of the whole payload.
        let end = if source.is_ipv6() { out.len() } else { end };
        if let Some(bytes) = out.get_mut(start..end) {
            let kind = Sum::of(self.version, self.checksum_as_v2, source);
            let sum = checksum(kind, source, destination, bytes).to_be_bytes();
            if let Some(field) = bytes.get_mut(6..8) {
                field.copy_from_slice(&sum);
            }
        }
    }

    fn auth_and_interval(&self) -> [u8; 2] {
        match self.version {
            2 => [auth_type(self.auth), self.interval.as_secs().min(255) as u8],
            _ => centiseconds(self.interval).to_be_bytes(),
        }
    }
}

/// How an advert travels.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// From where.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// Its hop limit.
    pub hops: u8,
    /// IPv4: the packet's number, never zero.
    pub id: u16,
    /// `auth_type AH`: its number there.
    pub sequence: u32,
}

/// Makes a packet of an advert, with its IP header.
pub fn compose(out: &mut Vec<u8>, advert: &Advert<'_>, route: &Route) {
    out.clear();
    match (route.source, route.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let sealed = matches!(advert.auth, Auth::Ah(_));
            let protocol = if sealed { ah::AH } else { VRRP };
            let header = Outgoing { id: route.id, source, destination, ttl: route.hops, protocol };
            let more = if sealed { ah::LENGTH } else { 0 };
            ipv4::write_header(out, &header, more + advert.length());
            if sealed {
                ah::write_header(out, source, route.sequence);
            }
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            ipv6::write_header(out, source, destination, route.hops, advert.length());
        }
        _ => return,
    }
    advert.write(out, route.source, route.destination);
    if let Auth::Ah(key) = advert.auth {
        ah::seal(out, key);
    }
}

fn extend(out: &mut Vec<u8>, address: &IpAddr) {
    match address {
        IpAddr::V4(address) => out.extend(address.octets()),
        IpAddr::V6(address) => out.extend(address.octets()),
    }
}

/// The bytes of an address.
pub fn width(ipv6: bool) -> usize {
    if ipv6 { 16 } else { 4 }
}

/// The length of an advert with so many addresses.
pub fn length(version: u8, addresses: usize, ipv6: bool) -> usize {
    HEADER + width(ipv6) * addresses + if has_password(version, ipv6) { PASSWORD } else { 0 }
}

/// Whether there is room for a password.
pub fn has_password(version: u8, ipv6: bool) -> bool {
    version == 2 && !ipv6
}

/// What a checksum covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// The advert.
    Bare,
    /// The IP addresses too.
    WithAddresses,
}

impl Sum {
    /// What an instance's checksum covers. IPv6 always counts its addresses in.
    pub fn of(version: u8, as_v2: bool, source: IpAddr) -> Sum {
        match source.is_ipv4() && (version == 2 || as_v2) {
            true => Sum::Bare,
            false => Sum::WithAddresses,
        }
    }
}

/// The checksum of an advert; zero when it carries the right one.
pub fn checksum(kind: Sum, source: IpAddr, destination: IpAddr, advert: &[u8]) -> u16 {
    let sum = Checksum::default();
    let sum = match kind {
        Sum::Bare => sum,
        Sum::WithAddresses => {
            let mut addresses = Vec::with_capacity(32);
            extend(&mut addresses, &source);
            extend(&mut addresses, &destination);
            let length = (advert.len() as u16).to_be_bytes();
            sum.with(&addresses).with(&[0, VRRP]).with(&length)
        }
    };
    sum.with(advert).finish()
}

/// The type's number in the packet.
pub fn auth_type(auth: &Auth) -> u8 {
    match auth {
        Auth::None => 0,
        Auth::Pass(_) => 1,
        Auth::Ah(_) => 2,
    }
}

/// The last eight bytes of a version 2 advert.
pub fn password(auth: &Auth) -> [u8; PASSWORD] {
    match auth {
        Auth::Pass(password) => *password,
        Auth::None | Auth::Ah(_) => [0; PASSWORD],
    }
}

/// An interval as version 3 carries it: twelve bits of centiseconds.
pub fn centiseconds(interval: Duration) -> u16 {
    (interval.as_millis() / 10).min(0xfff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::net::Ipv4Addr;

    const VIP: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::new(192, 168, 3, 253))];
    const US: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 3, 10));

    fn written(advert: &Advert<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        advert.write(&mut bytes, US, super::super::ipv4::GROUP.into());
        assert_eq!(bytes.len(), advert.length());
        bytes
    }

    /// The bytes keepalived 2.2.7 sends for the article's instance.
    #[test]
    fn version_2_with_a_password_is_keepalived_s() {
        let auth = Auth::Pass(*b"1111\0\0\0\0");
        let interval = Duration::from_secs(1);
        let advert = Advert {
            version: 2,
            vrid: 51,
            priority: 100,
            interval,
            auth: &auth,
            addresses: &VIP,
            checksum_as_v2: false,
            signed: None,
        };
        let expected = [
            0x21, 0x33, 0x64, 0x01, 0x01, 0x01, 0x52, 0xc2, 0xc0, 0xa8, 0x03, 0xfd, 0x31, 0x31, 0x31, 0x31, 0, 0, 0, 0,
        ];
        assert_eq!(written(&advert), expected);
    }

    /// The bytes keepalived 2.2.7 sends for `version 3`, `advert_int 0.1`.
    #[test]
    fn version_3_is_keepalived_s() {
        let interval = Duration::from_millis(100);
        let auth = &Auth::None;
        let advert = Advert {
            version: 3,
            vrid: 51,
            priority: 100,
            interval,
            auth,
            addresses: &VIP,
            checksum_as_v2: false,
            signed: None,
        };
        assert_eq!(written(&advert), [0x31, 0x33, 0x64, 0x01, 0, 0x0a, 0x01, 0xda, 0xc0, 0xa8, 0x03, 0xfd]);
    }

    /// The bytes keepalived 2.4.3 sends over IPv6, and with `v3_checksum_as_v2` over IPv4.
    #[test]
    fn other_adverts_are_keepalived_s() {
        let (auth, interval) = (&Auth::None, Duration::from_secs(1));
        let parse = |text: &str| text.parse::<IpAddr>().expect("an address");
        let addresses = [parse("fe80::253"), parse("2001:db8::253")];
        let advert = Advert {
            version: 3,
            vrid: 53,
            priority: 100,
            interval,
            auth,
            addresses: &addresses,
            checksum_as_v2: false,
            signed: None,
        };
        let mut bytes = Vec::new();
        advert.write(&mut bytes, parse("fe80::1"), parse("ff02::12"));
        assert_eq!((bytes.len(), &bytes[..8]), (40, &[0x31, 0x35, 0x64, 2, 0, 0x64, 0x3b, 0x55][..]));
        // Version 2 over IPv6 as both 2.2.7 and 2.4.3 send it.
        let advert = Advert { version: 2, vrid: 51, priority: 150, ..advert };
        let mut bytes = Vec::new();
        advert.write(&mut bytes, parse("fe80::ec50:e1ff:fe7a:10c6"), parse("ff02::12"));
        assert_eq!((bytes.len(), &bytes[..8]), (40, &[0x21, 0x33, 0x96, 2, 0, 1, 0x3c, 0x29][..]));
        let addresses = [parse("192.168.3.252")];
        let advert = Advert {
            version: 3,
            vrid: 52,
            priority: 100,
            interval,
            auth,
            addresses: &addresses,
            checksum_as_v2: true,
            signed: None,
        };
        let mut bytes = Vec::new();
        advert.write(&mut bytes, parse("192.168.3.1"), parse("224.0.0.18"));
        assert_eq!(bytes[..8], [0x31, 0x34, 0x64, 1, 0, 0x64, 0xa5, 0xc1]);
    }
}
