//! The advertisement itself: VRRPv2 (RFC 3768, 5.1, with RFC 2338's simple password) and VRRPv3 (RFC 5798, 5.1).

use std::net::Ipv4Addr;
use std::time::Duration;

use rkeep_parsers::ir::vrrp::Auth;

use super::Checksum;
use super::ipv4::VRRP;

/// Bytes before the addresses.
pub const HEADER: usize = 8;
/// Bytes after the addresses in version 2; zeros where there is no password.
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
    pub addresses: &'a [Ipv4Addr],
}

impl Advert<'_> {
    /// Its length on the wire, without the IP header.
    pub fn length(&self) -> usize {
        length(self.version, self.addresses.len())
    }

    /// Appends it. Version 3's checksum covers the IP addresses too.
    pub fn write(&self, out: &mut Vec<u8>, source: Ipv4Addr, destination: Ipv4Addr) {
        let start = out.len();
        out.extend([self.version << 4 | ADVERTISEMENT, self.vrid, self.priority, self.addresses.len() as u8]);
        out.extend(self.auth_and_interval());
        out.extend([0, 0]);
        self.addresses.iter().for_each(|address| out.extend(address.octets()));
        if self.version == 2 {
            out.extend(password(self.auth));
        }
        if let Some(bytes) = out.get_mut(start..) {
            let sum = checksum(self.version, source, destination, bytes).to_be_bytes();
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

/// The length of an advert with so many addresses.
pub fn length(version: u8, addresses: usize) -> usize {
    HEADER + 4 * addresses + if version == 2 { PASSWORD } else { 0 }
}

/// The checksum of an advert; zero when it carries the right one.
pub fn checksum(version: u8, source: Ipv4Addr, destination: Ipv4Addr, advert: &[u8]) -> u16 {
    let sum = Checksum::default();
    let sum = match version {
        2 => sum,
        _ => {
            let length = (advert.len() as u16).to_be_bytes();
            sum.with(&source.octets()).with(&destination.octets()).with(&[0, VRRP]).with(&length)
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

    const VIP: [Ipv4Addr; 1] = [Ipv4Addr::new(192, 168, 3, 253)];
    const US: Ipv4Addr = Ipv4Addr::new(192, 168, 3, 10);

    fn written(advert: &Advert<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        advert.write(&mut bytes, US, super::super::ipv4::GROUP);
        assert_eq!(bytes.len(), advert.length());
        bytes
    }

    /// The bytes keepalived 2.2.7 sends for the article's instance.
    #[test]
    fn version_2_with_a_password_is_keepalived_s() {
        let auth = Auth::Pass(*b"1111\0\0\0\0");
        let interval = Duration::from_secs(1);
        let advert = Advert { version: 2, vrid: 51, priority: 100, interval, auth: &auth, addresses: &VIP };
        let expected = [
            0x21, 0x33, 0x64, 0x01, 0x01, 0x01, 0x52, 0xc2, 0xc0, 0xa8, 0x03, 0xfd, 0x31, 0x31, 0x31, 0x31, 0, 0, 0, 0,
        ];
        assert_eq!(written(&advert), expected);
    }

    /// The bytes keepalived 2.2.7 sends for `version 3`, `advert_int 0.1`.
    #[test]
    fn version_3_is_keepalived_s() {
        let interval = Duration::from_millis(100);
        let advert = Advert { version: 3, vrid: 51, priority: 100, interval, auth: &Auth::None, addresses: &VIP };
        assert_eq!(written(&advert), [0x31, 0x33, 0x64, 0x01, 0, 0x0a, 0x01, 0xda, 0xc0, 0xa8, 0x03, 0xfd]);
    }
}
