//! One interface of `linkbeat_interfaces`: asked for its link every second, since its driver may not tell the kernel.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use rkeep_parsers::ir::track::{How, Linkbeat};
use tokio::time::{MissedTickBehavior, interval};
use tracing::info;

use super::Teller;
use crate::sys::link::{Way, has_link, is_enabled};

const EVERY: Duration = Duration::from_secs(1);

/// Asks until dropped.
pub(super) async fn watch(beat: Linkbeat, teller: Teller) {
    let socket = match UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)) {
        Ok(socket) => socket,
        Err(error) => return info!("Linkbeat of {}: {error}", beat.interface),
    };
    let mut known = None;
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let up = look(&socket, &beat);
        if known.replace(up) != Some(up) {
            teller.say(up, 0);
        }
    }
}

/// Whether it is switched on and has a link, by the first of the ways that its driver knows. It has none once it is gone.
fn look(socket: &UdpSocket, beat: &Linkbeat) -> bool {
    let name = &beat.interface;
    let found = ways(beat.how).iter().find_map(|way| has_link(socket, name, *way).ok());
    found.unwrap_or(false) && is_enabled(socket, name).unwrap_or(false)
}

fn ways(how: Option<How>) -> &'static [Way] {
    match how {
        None | Some(How::Mii) => &[Way::Mii, Way::Ethtool, Way::Flags],
        Some(How::Ethtool) => &[Way::Ethtool, Way::Flags],
        Some(How::Ioctl) => &[Way::Flags],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_asked_in_the_first_way_that_it_knows() {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let beat = |interface: &str, how| Linkbeat { interface: interface.to_owned(), how };
        for how in [None, Some(How::Mii), Some(How::Ethtool), Some(How::Ioctl)] {
            assert!(look(&socket, &beat("lo", how)), "{how:?}");
        }
        assert!(!look(&socket, &beat("none", None)));
    }
}
