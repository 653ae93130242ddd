//! Whether an interface has a link, asked in the ways that drivers have had over time.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Whom is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The transceiver's status register (IEEE 802.3, 22.2.4.2).
    Mii,
    /// The driver, as ethtool does.
    Ethtool,
    /// The kernel's flags.
    Flags,
}

/// `ETHTOOL_GLINK` and what it fills in.
const GET_LINK: u32 = 0x0a;
const GET_PHY: libc::Ioctl = 0x8947;
const GET_REGISTER: libc::Ioctl = 0x8948;
const ETHTOOL: libc::Ioctl = 0x8946;
/// The register, and the bit of it that says so.
const STATUS: u16 = 1;
const LINK: u16 = 0x0004;

#[repr(C)]
struct EthtoolValue {
    command: u32,
    data: u32,
}

/// What stands in an `ifreq` after the name.
#[repr(C)]
union Payload {
    flags: libc::c_short,
    data: *mut EthtoolValue,
    mii: [u16; 4],
    /// The kernel's structure is as large as this.
    whole: [u64; 3],
}

#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    payload: Payload,
}

impl Request {
    fn of(name: &str) -> io::Result<Self> {
        let mut request = Request { name: [0; libc::IFNAMSIZ], payload: Payload { whole: [0; 3] } };
        let (place, _) = request.name.split_at_mut(libc::IFNAMSIZ - 1);
        match place.get_mut(..name.len()) {
            Some(place) => place.copy_from_slice(name.as_bytes()),
            None => return Err(io::ErrorKind::InvalidInput.into()),
        }
        Ok(request)
    }

    fn ask(&mut self, socket: &impl AsFd, what: libc::Ioctl) -> io::Result<()> {
        // SAFETY: the descriptor is open for the length of the borrow, and this is an `ifreq`, which these requests read
        // and write; the structure that one of them points to outlives the call.
        let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), what, &raw mut *self) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// Whether the interface has a link; `socket` is any.
///
/// # Errors
/// The interface is gone, or its driver does not know this way.
pub fn has_link(socket: &impl AsFd, name: &str, way: Way) -> io::Result<bool> {
    let mut request = Request::of(name)?;
    match way {
        Way::Mii => {
            request.ask(socket, GET_PHY)?;
            // SAFETY: the kernel has filled in these four numbers, all of whose values are sound.
            let [phy, ..] = unsafe { request.payload.mii };
            request.payload.mii = [phy, STATUS, 0, 0];
            request.ask(socket, GET_REGISTER)?;
            // SAFETY: as above.
            let [_, _, _, status] = unsafe { request.payload.mii };
            Ok(status & LINK != 0)
        }
        Way::Ethtool => {
            let mut value = EthtoolValue { command: GET_LINK, data: 0 };
            request.payload.data = &raw mut value;
            request.ask(socket, ETHTOOL)?;
            Ok(value.data != 0)
        }
        Way::Flags => flags(socket, name).map(|flags| flags & libc::IFF_RUNNING != 0),
    }
}

/// Whether the interface is switched on.
///
/// # Errors
/// It is gone.
pub fn is_enabled(socket: &impl AsFd, name: &str) -> io::Result<bool> {
    flags(socket, name).map(|flags| flags & libc::IFF_UP != 0)
}

fn flags(socket: &impl AsFd, name: &str) -> io::Result<libc::c_int> {
    let mut request = Request::of(name)?;
    request.ask(socket, libc::SIOCGIFFLAGS as libc::Ioctl)?;
    // SAFETY: the kernel has filled in the flags, all of whose values are sound.
    Ok(unsafe { request.payload.flags }.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_tells_of_itself() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        assert!(is_enabled(&socket, "lo").expect("is there"));
        assert!(has_link(&socket, "lo", Way::Flags).expect("is there"));
        assert!(has_link(&socket, "lo", Way::Mii).is_err(), "it has no transceiver");
        assert!(is_enabled(&socket, "none").is_err());
        assert!(is_enabled(&socket, "a-name-that-is-too-long").is_err());
    }
}
